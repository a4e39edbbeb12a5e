import type { Clock } from '../../core/clock.js';
import { DeliveryTimeoutError, UnknownPartitionError, type MessagingError } from '../../core/errors.js';
import { Fifo } from '../../core/fifo.js';
import { partitionOfKey } from './partition-of-key.js';
import type { PendingSend } from './pending-send.js';

/** Of a request: it is encoded in one go, and nothing else of the process runs meanwhile. */
const MAX_RECORDS = 5_000;
/** A broker takes 1,048,588 bytes a batch by default. */
const MAX_BYTES = 1_000_000;

export interface TopicBufferOptions {
  readonly clock: Clock;
  readonly lingerMs: number;
  readonly maxBatchSize: number;
  readonly partitioner: 'murmur2' | 'crc32';
}

/** The records of one topic that wait for their request. */
export class TopicBuffer {
  /** Known after the first look at the topic. */
  partitions: number | undefined;
  private readonly queue = new Fifo<PendingSend>();
  /** Records that go again, before all others, so that order holds. */
  private again: PendingSend[] = [];
  private dueSince = 0;
  private nextSticky = 0;
  private queuedBytes = 0;

  constructor(
    readonly name: string,
    private readonly options: TopicBufferOptions,
  ) {}

  get length(): number {
    return this.queue.length + this.again.length;
  }

  /** Milliseconds since the epoch: when the linger or the pause before a repeat is over. */
  get dueAt(): number {
    return this.dueSince;
  }

  push(pending: PendingSend): void {
    const { clock, lingerMs, maxBatchSize } = this.options;
    if (this.length === 0) this.dueSince = clock.now() + lingerMs;
    this.queue.push(pending);
    this.queuedBytes += pending.bytes;
    if (lingerMs > 0 && this.again.length === 0 && this.queuedBytes >= maxBatchSize * (this.partitions ?? 1))
      this.hurry();
  }

  /** Ends the linger. */
  hurry(): void {
    this.dueSince = 0;
  }

  /** The next request's records, each with its partition. Records of partitions that do not exist are answered at once. */
  take(): PendingSend[] {
    const partitions = this.partitions ?? 1;
    const sticky = this.nextSticky++ % partitions;
    const batch: PendingSend[] = [];
    let bytes = 0;
    for (let next = this.peek(); next; next = this.peek()) {
      if (
        batch.length > 0 &&
        (batch.length >= MAX_RECORDS || bytes + next.bytes > MAX_BYTES || next.alone || batch[0]?.alone)
      )
        break;
      this.shift();
      if (!this.choose(next, partitions, sticky)) continue;
      bytes += next.bytes;
      batch.push(next);
    }
    return batch;
  }

  /** Everything, when nothing of it can be written. */
  takeAll(): PendingSend[] {
    const all = [...this.again, ...this.queue];
    this.again = [];
    this.queue.clear();
    this.queuedBytes = 0;
    return all;
  }

  /** These go again after a pause; those whose time is over are answered. */
  putBack(pending: readonly PendingSend[], pauseMs: number): void {
    if (pending.length === 0) return;
    this.again = [...pending, ...this.again];
    this.dueSince = this.options.clock.now() + pauseMs;
  }

  /** Answers the records whose time is over, and returns the others. */
  expire(pending: readonly PendingSend[], timeoutMs: number, cause: MessagingError): PendingSend[] {
    const now = this.options.clock.now();
    return pending.filter((one) => {
      if (one.deadline > now) return true;
      one.call.set(
        one.index,
        new DeliveryTimeoutError(this.name, timeoutMs, one.wasSent ? 'unknown' : 'not-written', cause),
      );
      return false;
    });
  }

  private peek(): PendingSend | undefined {
    return this.again[0] ?? this.queue.peek();
  }

  private shift(): void {
    if (this.again.length > 0) {
      this.again.shift();
      return;
    }
    this.queuedBytes -= this.queue.shift()?.bytes ?? 0;
  }

  private choose(pending: PendingSend, partitions: number, sticky: number): boolean {
    const { key, partition } = pending.record;
    const { partitioner } = this.options;
    pending.partition ??= partition ?? (key === null ? sticky : partitionOfKey(key, partitions, partitioner));
    if (Number.isInteger(pending.partition) && pending.partition >= 0 && pending.partition < partitions) return true;
    pending.call.set(pending.index, new UnknownPartitionError(this.name, pending.partition, partitions));
    return false;
  }
}
