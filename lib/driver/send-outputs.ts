import { sleep, type Clock } from '../core/clock.js';
import { MessagingError } from '../core/errors.js';
import type { OutgoingRecord, SendResult } from '../core/message.js';

export interface OutputSender {
  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]>;
}

export interface OutputOptions {
  readonly clock: Clock;
  /** How long one round may take, in ms. */
  readonly timeoutMs: number;
  /** Whether the delivery that these belong to is still ours to settle, and not settled yet. */
  readonly isOpen: () => boolean;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Writes what must be written before a delivery is settled. What failed for the moment is repeated, without end while the delivery is
 * ours: its handler has run, so giving up would run it twice.
 *
 * @returns false when the delivery was lost meanwhile, or was settled before.
 * @throws MessagingError of the first record that can never be written; the delivery then is not settled.
 */
export async function sendOutputs(
  sender: OutputSender,
  outputs: readonly OutgoingRecord[],
  options: OutputOptions,
): Promise<boolean> {
  let rest = outputs;
  for (let pause = FIRST_PAUSE_MS; options.isOpen(); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const results = await sender.send(rest, options.clock.now() + options.timeoutMs);
    const permanent = results.find((result) => result instanceof MessagingError && !result.retryable);
    if (permanent) throw permanent as MessagingError;
    rest = rest.filter((_, index) => results[index] instanceof MessagingError);
    if (rest.length === 0) return true;
    await sleep(options.clock, pause);
  }
  return false;
}
