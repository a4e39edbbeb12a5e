import type { OutgoingRecord, SendResult } from '../../core/message.js';

/** One call of `send`: its results come one by one, in any order, and are given together in the order of the input. */
export class SendCall {
  readonly results: Promise<readonly SendResult[]>;
  private readonly list: SendResult[] = [];
  private missing: number;
  private resolve: (results: readonly SendResult[]) => void = () => {};

  constructor(count: number) {
    this.missing = count;
    this.results = new Promise((resolve) => (this.resolve = resolve));
    if (count === 0) this.resolve(this.list);
  }

  /** Whether that record has no result yet. */
  isOpen(index: number): boolean {
    return this.list[index] === undefined;
  }

  /** The first result counts: a record may be answered for after its time is over. */
  set(index: number, result: SendResult): void {
    if (this.list[index] !== undefined) return;
    this.list[index] = result;
    this.missing--;
    if (this.missing === 0) this.resolve(this.list);
  }
}

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
