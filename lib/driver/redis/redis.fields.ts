import { isUtf8 } from 'node:buffer';
import type { Delivery, Partition } from '../../core/delivery.js';
import type { OutgoingRecord } from '../../core/message.js';

/** A stream entry as the server answers it: names and values in turn. */
export type Fields = readonly Buffer[];

/** An entry that this member has, with how often the group got it. */
export interface Entry {
  readonly id: string;
  readonly fields: Fields;
  readonly deliveries: number;
}

/** What an entry's fields say; without a time of its own it was sent when its id says. */
export type Content = Pick<Delivery, 'key' | 'value' | 'headers'> & { readonly timestamp: number | undefined };

/** How a record becomes an entry, and an entry a message. What one reads it can write again: else its dead letter could not be written. */
export interface EntryFormat {
  /** Why a record cannot be such an entry, as a sentence; undefined when it can. */
  refusal?(record: OutgoingRecord): string | undefined;
  /** The message id, by which a repeat finds what was written already, is the first field. */
  write(record: OutgoingRecord, messageId: string): (string | Buffer)[];
  read(fields: Fields): Content;
}

/** Larger ones are faster as they are. */
const MAX_TEXT_BYTES = 2_000;

export function toDelivery(partition: Partition, { id, fields, deliveries }: Entry, format: EntryFormat): Delivery {
  const { key, value, headers, timestamp } = format.read(fields);
  const time = timestamp ?? Number(id.slice(0, id.indexOf('-')));
  return { partition, offset: id, key, value, headers, timestamp: time, deliveries };
}

/** What an entry takes in memory, roughly. */
export function bytesOf({ fields }: Entry): number {
  return fields.reduce((sum, field) => sum + field.length, 64);
}

/** The same bytes: ioredis makes a command of texts in 3.1 µs, of Buffers in 4.7 µs (100 bytes, measured). */
export function asText(bytes: Buffer): string | Buffer {
  return bytes.length <= MAX_TEXT_BYTES && isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

export function keyIn(field: Buffer | undefined): Buffer | null {
  return field && field.length > 0 ? field : null;
}

/** Undefined for what is no time: a field of somebody else's making may hold anything. */
export function timeIn(field: Buffer | undefined): number | undefined {
  if (!field || field.length === 0) return undefined;
  const time = Number(field.toString('latin1'));
  return Number.isSafeInteger(time) ? time : undefined;
}

/** By name; of two with one name the last. */
export function mapOf(fields: Fields): Map<string, Buffer> {
  const map = new Map<string, Buffer>();
  for (let i = 0; i + 1 < fields.length; i += 2) map.set(String(fields[i]), fields[i + 1] as Buffer);
  return map;
}

/** An entry without a value, as other programs write them, is a JSON object of its fields. */
export function objectOf(fields: Fields, isPart: (name: string) => boolean): Buffer {
  const entries: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = String(fields[i]);
    if (isPart(name)) entries.push([name, String(fields[i + 1])]);
  }
  return Buffer.from(JSON.stringify(Object.fromEntries(entries)));
}
