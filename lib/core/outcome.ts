import type { OutgoingRecord } from './message.js';

/**
 * What became of a delivery: the pipeline decides it, the driver carries it out, as atomically as its broker can.
 * - `ack`: handled; its outputs are written first, then it is settled.
 * - `retryLater`: to be tried again at `dueAt`; settled once the record is written to the retry topic. A broker with
 *   `features.delayed` keeps the record back until then; on another it carries the time in its headers.
 * - `deadLetter`: given up; settled once the dead letter is written.
 * - `release`: not handled here; it stays unsettled and comes again to whoever owns its partition next.
 */
export type Outcome =
  | { readonly kind: 'ack'; readonly outputs: readonly OutgoingRecord[] }
  | { readonly kind: 'retryLater'; readonly record: OutgoingRecord; readonly dueAt: number }
  | { readonly kind: 'deadLetter'; readonly record: OutgoingRecord }
  | { readonly kind: 'release' };

/** The usual outcome, shared: a handled message without outputs allocates nothing. */
export const ACK: Outcome = { kind: 'ack', outputs: [] };
export const RELEASE: Outcome = { kind: 'release' };

/** What follows an attempt. */
export type Verdict = Settle | Retry | Hold | Manual | Stop;

/** The message is done with: its outcome goes to the driver. */
export interface Settle {
  readonly kind: 'settle';
  readonly outcome: Outcome;
  /** What it counts as. */
  readonly as: SettledAs;
  /** Called once the outcome is settled. */
  readonly after?: () => Promise<void> | void;
  /** What follows when the outcome can never be carried out. */
  readonly recover?: (error: Error) => Verdict;
}

/** `parked`: on its retry topic; `dropped`: given up where no dead letters are wanted. */
export type SettledAs = 'handled' | 'skipped' | 'parked' | 'deadLettered' | 'dropped';

/** The attempt failed and another follows: the dispatcher keeps the message, nothing is told to the driver. */
export interface Retry {
  readonly kind: 'retry';
  readonly delayMs: number;
}

/** Nothing of this partition can be handled for now; it was no attempt. */
export interface Hold {
  readonly kind: 'hold';
  readonly delayMs: number;
}

/** The handler has returned; it acknowledges by itself, through `Attempt.decide`. */
export interface Manual {
  readonly kind: 'manual';
}

/** The handler cannot go on: it is stopped, with nothing settled. */
export interface Stop {
  readonly kind: 'stop';
  readonly error: Error;
}

export const SETTLE_ACK: Settle = { kind: 'settle', outcome: ACK, as: 'handled' };
export const MANUAL: Manual = { kind: 'manual' };
