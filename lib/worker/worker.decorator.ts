import { markHandler } from '../discovery/handler-metadata.js';
import type { WorkerOptions } from '../options/handler.options.js';
import type { HandlerContext } from '../pipeline/batch-context.js';
import type { HandlerOutcome } from '../pipeline/handler-outcome.js';
import type { AnyMethod, HandlerCheck, KeyCheck, Returned, Taken, TakenKey } from '../topic/handler-types.js';
import type { TopicRef } from '../topic/topic.js';
import type { WorkerHost } from './worker.host.js';

/** Decorates a method or a `WorkerHost` that takes what the topic has and returns what the output topic takes; others do not compile. */
export interface WorkerDecorator<T extends TopicRef, Out extends TopicRef | undefined> {
  <Host extends abstract new (...args: never[]) => WorkerHost<Taken<T>, Returned<Out>, TakenKey<T>>>(
    target: Host,
  ): void;
  <Method extends AnyMethod>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method> &
      HandlerCheck<Method, T, Out, HandlerOutcome> &
      KeyCheck<Method, T, HandlerContext<TakenKey<T>>, HandlerContext<unknown>>,
  ): void;
}

/**
 * Makes a method, or a class that extends `WorkerHost`, the handler of a topic. What it returns goes to `outputTopic`; the message
 * counts as done once that is written. Where the topics are classes with a `schema`, the compiler checks payload and result.
 *
 * @example
 * ```ts
 * @Worker({ topic: 'tasks', outputTopic: 'results', groupId: 'task-processor', concurrency: 4 })
 * async processTask(task: Task): Promise<Result> { … }
 * ```
 */
export function Worker<T extends TopicRef, Out extends TopicRef | undefined = undefined>(
  options: WorkerOptions<T, Out>,
): WorkerDecorator<T, Out> {
  return (target: object, _name?: string | symbol, descriptor?: PropertyDescriptor) => {
    const method = descriptor?.value as object | undefined;
    markHandler(method ?? target, method ? target.constructor : target, { kind: 'worker', options });
  };
}
