import type { Delivery } from '../core/delivery.js';
import { ClosedError } from '../core/errors.js';
import type { OutgoingRecord } from '../core/message.js';

/** What was decided about a message and is not written yet. */
export interface Held {
  readonly delivery: Delivery;
  readonly records: readonly OutgoingRecord[];
  /** It was written. */
  readonly resolve: () => void;
  /** It was not, and never will be. */
  readonly reject: (error: Error) => void;
}

/** The outcomes of one partition that wait for a transaction. They enter it in the order of their messages, without gaps. */
export class HeldOutcomes {
  private readonly byOffset = new Map<number, Held>();
  /** The first message that was given back: what lies behind it cannot be written any more. */
  private end = Infinity;

  /** Resolves when the outcome is written. @throws ClosedError when it is dropped; or what makes it impossible to write. */
  hold(delivery: Delivery, records: readonly OutgoingRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const offset = Number(delivery.offset);
      if (offset > this.end) reject(dropped(delivery));
      else this.byOffset.set(offset, { delivery, records, resolve, reject });
    });
  }

  get(offset: number): Held | undefined {
    return this.byOffset.get(offset);
  }

  /** This one waits no more. */
  remove({ delivery }: Held): void {
    this.byOffset.delete(Number(delivery.offset));
  }

  /** A message is given back: it and what lies behind it come again. */
  release(offset: number): void {
    this.end = Math.min(this.end, offset);
    for (const held of this.byOffset.values()) {
      if (Number(held.delivery.offset) <= this.end) continue;
      this.remove(held);
      held.reject(dropped(held.delivery));
    }
  }

  /** All messages come again, to whoever owns the partition then. */
  drop(): void {
    this.release(-1);
  }
}

function dropped({ partition, offset }: Delivery): ClosedError {
  const { topic, index } = partition;
  return new ClosedError(
    `Offset ${offset} of ${topic}/${index} was not written: the partition is given up. Its message comes again.`,
    { topic, partition: index, offset },
  );
}
