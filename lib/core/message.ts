import type { HeaderList } from './headers.js';
import type { MessagingError } from './errors.js';

/** A message as the driver sends it: bytes, with nothing left to decide but the partition and the offset. */
export interface OutgoingRecord {
  readonly topic: string;
  /** Never empty: an empty key is no key, on every broker. */
  readonly key: Buffer | null;
  /** `null` is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: HeaderList;
  /** Only when the sender asked for one; else the driver chooses by key. */
  readonly partition?: number | undefined;
  /** Milliseconds since the epoch; the broker's or the driver's clock without it. */
  readonly timestamp?: number | undefined;
  /** Milliseconds since the epoch: not to be seen by anybody before. Only where `features.delayed` is true. */
  readonly dueAt?: number | undefined;
  /** The broker writes one record of this key only, for a while. Only where `features.idempotencyKey` is true. */
  readonly idempotencyKey?: string | undefined;
}

/** Where a message was written. */
export interface SentRecord {
  readonly topic: string;
  /** -1 for a delayed message, which has no position yet. */
  readonly partition: number;
  /** Position in the partition; on Redis the entry id; empty for a delayed message. */
  readonly offset: string;
}

/** One record's fate: where it was written, or why it was not. */
export type SendResult = SentRecord | MessagingError;

/** Bytes that a record takes in a buffer; 64 stands for its frame and bookkeeping. */
export function sizeOf(record: Pick<OutgoingRecord, 'key' | 'value' | 'headers'>): number {
  let size = 64 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) size += name.length + value.length + 8;
  return size;
}
