import type { IHeaders, Message } from 'kafkajs';
import { NO_HEADERS, type HeaderList } from '../../../core/headers.js';
import type { PendingSend } from '../pending-send.js';
import { encodeRecords } from './encode-records.js';

/** A record whose partition is chosen. */
export type Placed = Pick<PendingSend, 'record' | 'partition'>;

/** Digits of a time in ms: kafkajs looks for the first and the last by sorting their texts. */
const TIME_DIGITS = 16;

/**
 * What kafkajs' `send` takes. It copies a partition's messages for each one among them, and encodes each in an `Encoder` of half a KiB of its own (together half
 * of what a send costs). These have their groups ready, and a group is encoded in one piece. They are messages all the same, for tracers that wrap `send`.
 *
 * @param now ms since the epoch, for records without a timestamp
 */
export function toMessages(batch: readonly Placed[], now: number): Message[] {
  const nowDigits = digits(now);
  const messages: Message[] = [];
  const perPartition: Record<number, Group> = {};
  for (const placed of batch) {
    const message = toMessage(placed, nowDigits);
    messages.push(message);
    (perPartition[placed.partition as number] ??= new Group()).messages.push(message);
  }
  return Object.defineProperty(messages, 'reduce', { value: () => perPartition }); // not enumerable: a tracer may copy them
}

/** The partition is on the message. */
export function pinned({ message }: { readonly message: Message }): number {
  return message.partition as number;
}

/** What kafkajs knows of a partition's messages: how many they are, and what it makes of them by `map`. */
class Group {
  readonly messages: Message[] = [];

  get length(): number {
    return this.messages.length;
  }

  /** It asks for the timestamps of all, of which it takes the first and the last, and then for all as it writes them, each by its number. */
  map(mapper: (message: Message, index: number) => unknown): unknown[] {
    return mapper.length === 1 ? this.messages.map(mapper) : this.encoded();
  }

  /** An array of all, of which the first element stands for every one: kafkajs passes over holes, and counts them. */
  private encoded(): Encoder[] {
    const times = this.messages.map(({ timestamp }) => Number(timestamp));
    const earliest = Math.min(...times);
    const records = this.messages.map(({ key, value, headers }, index) => ({
      key: key as Buffer | null,
      value: value as Buffer | null,
      headers: headers ? toList(headers) : NO_HEADERS,
      offsetDelta: index,
      timestampDelta: (times[index] as number) - earliest,
    }));
    const buffer = encodeRecords(records);
    const all = [{ buf: buffer, buffer }];
    all.length = this.length;
    return all;
  }
}

/** What kafkajs writes. */
interface Encoder {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

function toMessage({ record, partition }: Placed, nowDigits: string): Message {
  const { key, value, headers, timestamp } = record;
  const message: Message = {
    key,
    value,
    partition: partition as number,
    timestamp: timestamp === undefined ? nowDigits : digits(timestamp),
  };
  if (headers.length > 0) message.headers = toHeaders(headers);
  return message;
}

function digits(ms: number): string {
  return String(ms).padStart(TIME_DIGITS, '0');
}

/** kafkajs takes a repeated header as an array. */
function toHeaders(list: HeaderList): IHeaders {
  const headers = Object.create(null) as Record<string, Buffer | Buffer[]>;
  for (const [name, value] of list) {
    const known = headers[name];
    headers[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return headers;
}

/** Tracers add texts. */
function toList(headers: IHeaders): HeaderList {
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => [name, Buffer.from(value ?? '')] as const),
  );
}
