import type { Delivery, Partition } from '../../../core/delivery.js';
import type { FetchedMessages } from '../../kafka/group-member.js';
import type { Records } from './records.js';

/** What a fetch brought of a partition. */
export class FetchedRecords implements FetchedMessages {
  readonly count: number;
  readonly bytes: number;
  private readonly batches: Records[];
  private given = 0;
  private current: Delivery | undefined;

  /** @param from the offset that was asked for: a batch may begin before it. */
  constructor(batches: readonly Records[], from: number) {
    for (const batch of batches) batch.skipTo(from);
    this.batches = batches.filter(({ left }) => left > 0);
    this.count = this.batches.reduce((sum, { left }) => sum + left, 0);
    this.bytes = this.batches.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  at(index: number, partition: Partition): Delivery {
    while (this.given <= index) {
      while (this.batches[0]?.left === 0) this.batches.shift();
      this.current = this.batches[0]?.read(partition);
      this.given++;
    }
    return this.current as Delivery;
  }
}
