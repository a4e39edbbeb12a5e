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

const HEADER_PREFIX = 'h:';
/** Larger ones are faster as they are. */
const MAX_TEXT_BYTES = 2_000;

/**
 * A record as an entry's fields, readable by anything that reads streams: `data` (or what `payloadField` says), or `null` = `1` for a
 * tombstone; `key`; `ts` when the sender set a time, else it is in the entry id; each header as `h:<name>`, repeated as it is; and `id`,
 * by which a repeat finds what was written already.
 */
export function toFields(record: OutgoingRecord, messageId: string, payloadField: string): (string | Buffer)[] {
  const fields: (string | Buffer)[] = ['id', messageId];
  if (record.value === null) fields.push('null', '1');
  else fields.push(payloadField, asText(record.value));
  if (record.key !== null) fields.push('key', asText(record.key));
  if (record.timestamp !== undefined) fields.push('ts', String(record.timestamp));
  for (const [name, value] of record.headers) fields.push(HEADER_PREFIX + name, asText(value));
  return fields;
}

/** The same bytes: ioredis makes a command of texts in 3.1 µs, of Buffers in 4.7 µs (100 bytes, measured). */
function asText(bytes: Buffer): string | Buffer {
  return bytes.length <= MAX_TEXT_BYTES && isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

/** Entries without a value field, as other programs write them, become a JSON object of their fields. */
export function toDelivery(partition: Partition, { id, fields, deliveries }: Entry, payloadField: string): Delivery {
  const headers: [string, Buffer][] = [];
  let key: Buffer | null = null;
  let value: Buffer | null | undefined;
  let timestamp = Number(id.slice(0, id.indexOf('-')));
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = String(fields[i]);
    const content = fields[i + 1] as Buffer;
    if (name === payloadField) value = content;
    else if (name === 'null') value ??= null;
    else if (name === 'key') key = content.length > 0 ? content : null;
    else if (name === 'ts') timestamp = timeOf(content) ?? timestamp;
    else if (name.startsWith(HEADER_PREFIX)) headers.push([name.slice(HEADER_PREFIX.length), content]);
  }
  if (value === undefined) value = objectOf(fields);
  return { partition, offset: id, key, value, headers, timestamp, deliveries };
}

/** What an entry takes in memory, roughly. */
export function bytesOf({ fields }: Entry): number {
  return fields.reduce((sum, field) => sum + field.length, 64);
}

function timeOf(text: Buffer): number | undefined {
  const time = Number(text.toString('latin1'));
  return Number.isSafeInteger(time) && text.length > 0 ? time : undefined;
}

function objectOf(fields: Fields): Buffer {
  const entries: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = String(fields[i]);
    if (!name.startsWith(HEADER_PREFIX)) entries.push([name, String(fields[i + 1])]);
  }
  return Buffer.from(JSON.stringify(Object.fromEntries(entries)));
}
