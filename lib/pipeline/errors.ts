import { MessagingError } from '../core/errors.js';

/**
 * Throw it when no further attempt can succeed: the message is given up at once.
 *
 * @example
 * ```ts
 * if (order.total < 0) throw new NonRetryableError('a total cannot be negative');
 * ```
 */
export class NonRetryableError extends MessagingError {}

/**
 * Throw it to say when the next attempt may be made.
 *
 * @example
 * ```ts
 * throw new RetryAfterError(60_000, 'the bank is closed for a minute');
 * ```
 */
export class RetryAfterError extends MessagingError {
  override readonly retryable = true;

  constructor(
    /** In ms; at most an hour is heeded. */
    readonly delayMs: number,
    message = `not before ${delayMs} ms`,
  ) {
    super(message);
  }
}

/** Throw it from `processBatch` when only some messages failed: the others count as handled. */
export class BatchError extends MessagingError {
  /**
   * @param failed the indexes of the failed messages, or the error of each by its index
   * @param results one result a message, for those that succeeded, where there is an output topic
   */
  constructor(
    readonly failed: readonly number[] | ReadonlyMap<number, Error>,
    readonly results: readonly unknown[] = [],
  ) {
    super('some messages of the batch failed');
  }

  /** The error of a message, or undefined when it succeeded. */
  errorOf(index: number): Error | undefined {
    if (Array.isArray(this.failed)) return (this.failed as readonly number[]).includes(index) ? this : undefined;
    return (this.failed as ReadonlyMap<number, Error>).get(index);
  }
}

/** A message was acknowledged after its partition went to another member: it comes again there. */
export class StaleDeliveryError extends MessagingError {}

/** `ack()` or `nack()` in a handler that does not acknowledge by itself. */
export class AckModeError extends MessagingError {}
