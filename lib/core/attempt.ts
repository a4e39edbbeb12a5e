import type { Delivery } from './delivery.js';
import type { Verdict } from './outcome.js';

/** One call of a handler for a delivery. */
export interface Attempt {
  readonly delivery: Delivery;
  /** Messages of one lane keep their order; undefined for a message without one. */
  readonly lane: string | undefined;
  /** 1 for the first call. */
  readonly attempt: number;
  /** Milliseconds since the epoch: when the first attempt failed. */
  firstFailureAt: number | undefined;
  /** Aborts when the handler must end: its partition is lost, or a deadline has passed. */
  readonly signal: AbortSignal;
  /** Called when nothing can be settled any more. */
  onAbandon: (() => void) | undefined;
  /** Takes the verdict of a handler that acknowledges by itself. */
  decide(verdict: Verdict): void;
}
