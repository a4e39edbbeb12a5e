import type { HeaderList } from '../core/headers.js';
import { Fifo } from '../core/fifo.js';

/** A message in a partition of the embedded broker. */
export interface StoredRecord {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderList;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** One partition: offsets rise by one from 0; what was dropped from its front is gone. */
export class MemoryLog {
  private records: StoredRecord[] = [];
  /** Offset of the oldest record that is kept. */
  start = 0;

  get end(): number {
    return this.start + this.records.length;
  }

  append(record: Omit<StoredRecord, 'offset'>): number {
    const offset = this.end;
    this.records.push({ ...record, offset });
    return offset;
  }

  read(from: number, max: number): readonly StoredRecord[] {
    const first = Math.max(from - this.start, 0);
    return this.records.slice(first, first + max);
  }

  dropBefore(offset: number): void {
    const count = Math.min(Math.max(offset - this.start, 0), this.records.length);
    if (count === 0) return;
    this.records = this.records.slice(count);
    this.start += count;
  }

  /** The first offset that is not older than `time`. */
  offsetAt(time: number): number {
    const index = this.records.findIndex((record) => record.timestamp >= time);
    return index < 0 ? this.end : this.start + index;
  }
}

/** A topic of the embedded broker. */
export class MemoryTopic {
  logs: readonly MemoryLog[];
  /** Senders that wait for room, first come first served. */
  readonly waiting = new Fifo<() => void>();

  constructor(
    readonly name: string,
    partitions: number,
    readonly retentionMs: number | undefined,
  ) {
    this.logs = Array.from({ length: partitions }, () => new MemoryLog());
  }

  /** Existing partitions stay as they are. */
  grow(partitions: number): void {
    this.logs = Array.from({ length: partitions }, (_none, index) => this.logs[index] ?? new MemoryLog());
  }

  get size(): number {
    return this.logs.reduce((sum, log) => sum + log.end - log.start, 0);
  }
}
