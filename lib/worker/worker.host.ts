import type { BatchContext } from '../pipeline/batch-context.js';
import type { HandlerOutcome } from '../pipeline/handler-outcome.js';
import type { MessageContext } from '../pipeline/message-context.js';

/**
 * What a class with `@Worker` extends. Hooks that throw are logged and change nothing.
 *
 * @example
 * ```ts
 * @Worker({ topic: 'jobs', outputTopic: 'results', groupId: 'job-runner' })
 * export class JobWorker extends WorkerHost<Job, Result> {
 *   async process(job: Job, context: MessageContext): Promise<Result> {
 *     return { id: job.id, attempt: context.attempt };
 *   }
 * }
 * ```
 */
export abstract class WorkerHost<Message = unknown, Result = unknown, Key = string> {
  /** Never there: it lets the compiler compare message types, which methods alone would let through (bivariance). */
  declare protected readonly _message?: (message: Message) => void;

  /** Handles one message; what it returns goes to the output topic. */
  abstract process(message: Message, context: MessageContext<Key>): Promise<Result | HandlerOutcome>;

  /**
   * Handles several messages of one partition, in their order; with `batchSize` above 1 it is called instead of `process`, for a single
   * message too. It returns one result for each, or nothing where there is no output topic. To fail only some, throw `BatchError`.
   */
  processBatch?(messages: Message[], context: BatchContext<Key>): Promise<readonly (Result | HandlerOutcome)[] | void>;

  /** The message is handled, and its outputs are written. */
  onSuccess?(message: Message, result: Result): Promise<void> | void;

  /** The message is given up; once. Not called for a message that could not be read. */
  onError?(message: Message, error: Error): Promise<void> | void;

  /** The attempt has failed, and another will follow. */
  onRetry?(message: Message, error: Error, attempt: number): Promise<void> | void;
}
