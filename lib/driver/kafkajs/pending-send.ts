import type { OutgoingRecord } from '../../core/message.js';
import type { SendCall } from '../send-call.js';

/** A record on its way to the broker. */
export interface PendingSend {
  readonly record: OutgoingRecord;
  readonly call: SendCall;
  readonly index: number;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Chosen once: a repeat that chose again could write the record twice, or, on kafkajs, never. */
  partition: number | undefined;
  /** A request with it has left, so without an answer nobody knows whether it was written. */
  wasSent: boolean;
  /** It goes in a request of its own, since a request with others was too large. */
  alone: boolean;
}
