import { markHandler } from '../discovery/handler-metadata.js';
import type { ConsumerOptions } from '../options/handler.options.js';
import type { HandlerContext } from '../pipeline/batch-context.js';
import type { AnyMethod, HandlerCheck, KeyCheck, TakenKey } from '../topic/handler-types.js';
import type { TopicRef } from '../topic/topic.js';

/** Decorates a method that takes what the topic has; another one does not compile. */
export type ConsumerDecorator<T extends TopicRef> = <Method extends AnyMethod>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Method> &
    HandlerCheck<Method, T, undefined, unknown> &
    KeyCheck<Method, T, HandlerContext<TakenKey<T>>, HandlerContext<unknown>>,
) => void;

/**
 * Makes a method the handler of a topic. Where the topic is a class with a `schema`, the compiler checks the method's payload.
 *
 * @example
 * ```ts
 * @Consumer({ topic: 'user-events', groupId: 'my-service' })
 * async onUserEvent(event: UserEvent, context: MessageContext) { … }
 * ```
 */
export function Consumer<T extends TopicRef>(options: ConsumerOptions<T>): ConsumerDecorator<T> {
  return (target, _name, descriptor) => {
    markHandler(descriptor.value as unknown as object, target.constructor, { kind: 'consumer', options });
  };
}
