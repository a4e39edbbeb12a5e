import 'reflect-metadata';
import { Inject } from '@nestjs/common';
import { copyMetadata } from '../core/copy-metadata.js';
import { markProducer } from './producer-metadata.js';
import type { HeadersInput } from '../core/headers.js';
import type { KeyOf, MessageOf, TopicClass, TopicRef } from '../topic/topic.js';
import type { ProducerService } from './producer.service.js';
import type { KeyPart } from './send-request.js';
import { getProducerToken } from './producer.tokens.js';

/** What `@Producer` takes. A topic class with a `keySchema` types the key. */
export type ProducerOptions<Message, T extends TopicRef = TopicRef> = {
  /** The topic, by name or by class. */
  readonly topic: T;
  readonly headers?: HeadersInput | ((message: Message) => HeadersInput | undefined);
  /** The connection to send over; the default one without it. */
  readonly broker?: string;
} & KeyPart<T, (message: Message) => KeyOf<T> | null | undefined>;

type AsyncMethod = (...args: never[]) => Promise<unknown>;

/** Decorates an async method that returns what the topic has; another one does not compile. */
export type ProducerDecorator<Base extends AsyncMethod> = <Method extends Base>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Sends what an async method returns, and returns it once the broker has acknowledged it; the call rejects when the send does.
 * `undefined` sends nothing.
 *
 * @example
 * ```ts
 * @Producer({ topic: 'user-events', key: (event) => String(event.userId) })
 * async publishUserEvent(userId: number, action: string) {
 *   return { userId, action };
 * }
 * ```
 */
export function Producer<T extends TopicClass>(
  options: ProducerOptions<MessageOf<T>, T>,
): ProducerDecorator<(...args: never[]) => Promise<MessageOf<T> | null | undefined>>;
export function Producer<Message extends object = Readonly<Record<string, unknown>>>(
  options: ProducerOptions<Message, string>,
): ProducerDecorator<AsyncMethod>;
export function Producer(options: object): ProducerDecorator<AsyncMethod> {
  return producing(options as ProducerOptions<unknown>);
}

function producing(options: ProducerOptions<unknown>): ProducerDecorator<AsyncMethod> {
  const token = getProducerToken(options.broker);
  const slot = Symbol(`producer of ${options.broker ?? 'the default connection'}`);
  return <Method extends AsyncMethod>(
    target: object,
    _name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    const method = descriptor.value as Method;
    Inject(token)(target, slot);
    descriptor.value = sending(method, slot, options);
    copyMetadata(method, descriptor.value); // a guard below this decorator would vanish
    markProducer(descriptor.value, { topic: options.topic, broker: options.broker, hasKey: options.key !== undefined });
  };
}

function sending<Method extends AsyncMethod>(method: Method, slot: symbol, options: ProducerOptions<unknown>): Method {
  const { topic, key, headers } = options;
  const wrapper = async function (this: Record<symbol, ProducerService>, ...args: never[]): Promise<unknown> {
    const message = await method.apply(this, args);
    if (message === undefined) return message;
    const headersOf = typeof headers === 'function' ? headers(message) : headers;
    await (this[slot] as ProducerService).send({ topic, message, key: key?.(message), headers: headersOf });
    return message;
  };
  return wrapper as unknown as Method;
}
