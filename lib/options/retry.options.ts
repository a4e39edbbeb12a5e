import { custom, flag, integer, number, oneOf, type InputOf } from './option.js';

type ErrorClass = abstract new (...args: never[]) => Error;

/** How failures are repeated: flat on a handler, or as a policy to reuse. */
export const retryOptions = {
  /** Attempts after the first; `Infinity` never gives up. */
  maxRetries: integer({ min: 0, infinity: true, default: 3 }),
  /** How the delay before retry n = 1, 2, … grows: `initialDelayMs`, times n, or times 2 to the power of n. */
  retryBackoff: oneOf(['fixed', 'linear', 'exponential'], { default: 'exponential' }),
  /** What the delay before a retry is made of, in ms. */
  initialDelayMs: integer({ min: 0, default: 1_000 }),
  /** Longest delay before a retry, in ms; 30,000, or with `retryTopics` the largest of them. */
  maxDelayMs: integer({ min: 0 }),
  /** How much of a delay is random: 0 is the exact delay, 1 anything between nothing and it. */
  jitter: number({ min: 0, max: 1, default: 0 }),
  /** Whether an error is worth another attempt; it wins over everything else. */
  retryIf: custom(
    'a function of the error',
    (value): value is (error: Error) => boolean => typeof value === 'function',
  ),
  /** Error classes that are not worth another attempt, beside those that never are. */
  nonRetryable: custom('an array of error classes', isErrorClasses, { default: [] }),
  /** Delays in ms that have a topic of their own, so that long waits hold up nothing and survive a restart. */
  retryTopics: custom('an array of delays in ms, each an integer ≥ 1', isDelays, { default: [] }),
  /** Longest delay that waits in place although there are `retryTopics`, in ms. */
  inPlaceRetryMaxMs: integer({ min: 0, default: 30_000 }),
  /** `retryTopics` break the order of keys and partitions: with it you say that this is fine. */
  allowReorder: flag({ default: false }),
};

/**
 * A way of repeating failures, to be shared by handlers.
 *
 * @example
 * ```ts
 * const patient: RetryPolicy = { maxRetries: 10, retryBackoff: 'linear', initialDelayMs: 5_000, jitter: 0.5 };
 *
 * @Worker({ topic: 'invoices', retry: patient })
 * ```
 */
export type RetryPolicy = InputOf<typeof retryOptions>;

function isErrorClasses(value: unknown): value is readonly ErrorClass[] {
  const isErrorClass = (one: unknown) => typeof one === 'function' && (one === Error || one.prototype instanceof Error);
  return Array.isArray(value) && value.every(isErrorClass);
}

function isDelays(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((delay) => Number.isInteger(delay) && delay >= 1);
}
