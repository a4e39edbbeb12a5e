import type { BatchContext } from './batch-context.js';
import type { MessageContext } from './message-context.js';

/** A handler's own code: a `WorkerHost`, or a method in its shape. */
export interface HandlerTarget {
  process(message: unknown, context: MessageContext): unknown;
  processBatch?(messages: readonly unknown[], context: BatchContext): unknown;
  /** Takes one message of a batch through the handler's pipes, before the batch is handed over. */
  pipe?(message: unknown, context: MessageContext): Promise<unknown>;
  /** Whether this error comes from a guard or a pipe: the message was turned down before the handler could have it. */
  isRefusal?(error: Error): boolean;
  onSuccess?(message: unknown, result: unknown): unknown;
  onError?(message: unknown, error: Error): unknown;
  onRetry?(message: unknown, error: Error, attempt: number): unknown;
}

/** The user's code, for this message where its class is made for each. */
export type TargetSource = (
  context: MessageContext | BatchContext,
  payload: unknown,
) => HandlerTarget | Promise<HandlerTarget>;
