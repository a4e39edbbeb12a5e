import type { Message } from 'kafkajs';
import { groupBy } from '../../../core/group-by.js';
import type { OutgoingRecord } from '../../../core/message.js';
import { encodeRecords } from './encode-records.js';

export interface Placed {
  readonly record: OutgoingRecord;
  /** Chosen already. */
  readonly partition?: number | undefined;
}

/** Digits of a time in ms: kafkajs looks for the first and the last by sorting their texts. */
const TIME_DIGITS = 16;

/**
 * What kafkajs' `send` takes, in place of messages. It copies a partition's messages for each one among them, and encodes each in an `Encoder` of half a KiB of its own
 * (together half of what a send costs). These are grouped already, and a group is encoded in one piece.
 *
 * @param now ms since the epoch, for records without a timestamp
 */
export function toMessages(batch: readonly Placed[], now: number): Message[] {
  const groups = groupBy(batch, ({ partition }) => partition as number);
  const perPartition: Record<number, Group> = {};
  for (const [partition, own] of groups) perPartition[partition] = new Group(own, now);
  return Object.defineProperty([], 'reduce', { value: () => perPartition });
}

/** What kafkajs knows of a partition's messages: how many they are, and what it makes of them by `map`. */
class Group {
  constructor(
    private readonly batch: readonly Placed[],
    private readonly now: number,
  ) {}

  get length(): number {
    return this.batch.length;
  }

  /** It asks for the timestamps of all, of which it takes the first and the last, and then for all as it writes them, each by its number. */
  map(mapper: (message: Message, index: number) => unknown): unknown[] {
    const times = this.batch.map(({ record }) => record.timestamp ?? this.now);
    const earliest = Math.min(...times);
    return mapper.length === 1 ? [earliest, Math.max(...times)].map(toText) : this.encoded(times, earliest);
  }

  /** An array of all, of which the first element stands for every one: kafkajs passes over holes, and counts them. */
  private encoded(times: readonly number[], earliest: number): Encoder[] {
    const records = this.batch.map(({ record: { key, value, headers } }, index) => ({
      key,
      value,
      headers,
      offsetDelta: index,
      timestampDelta: (times[index] as number) - earliest,
    }));
    const buffer = encodeRecords(records);
    const all = new Array<Encoder>(this.length);
    all[0] = { buf: buffer, buffer };
    return all;
  }
}

/** What kafkajs writes. */
interface Encoder {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

function toText(time: number): string {
  return String(time).padStart(TIME_DIGITS, '0');
}
