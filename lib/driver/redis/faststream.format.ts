import { isUtf8 } from 'node:buffer';
import type { OutgoingRecord } from '../../core/message.js';
import { BINARY_MAX, readEnvelope, toEnvelope } from './faststream.envelope.js';
import { asText, keyIn, mapOf, objectOf, timeIn, type Content, type EntryFormat, type Fields } from './redis.fields.js';

const ENVELOPE = '__data__';

/** FastStream reads `__data__` alone, so what its envelope has no place for stands beside it. A tombstone is to it what its own `None` is. */
export const fastStreamFormat: EntryFormat = { refusal, write, read };

function refusal({ value, headers }: OutgoingRecord): string | undefined {
  const names = new Set<string>();
  const most = value === null || isUtf8(value) ? Infinity : BINARY_MAX;
  for (const [name, content] of headers) {
    const length = Math.max(Buffer.byteLength(name), content.length);
    if (names.has(name)) return `The header \`${name}\` is repeated, and FastStream has one of a name. Send one value.`;
    if (!isUtf8(content))
      return `The header \`${name}\` is not UTF-8, and the headers of FastStream are texts. Encode it, as base64 for one.`;
    if (length > most)
      return `The header \`${name}\` has ${length} bytes; beside a value that is not UTF-8 FastStream takes ${most}. Shorten it.`;
    names.add(name);
  }
  return undefined;
}

function write(record: OutgoingRecord, messageId: string): (string | Buffer)[] {
  const fields: (string | Buffer)[] = ['id', messageId];
  if (record.value === null) fields.push('null', '1');
  fields.push(ENVELOPE, toEnvelope(record.value ?? Buffer.alloc(0), record.headers));
  if (record.key !== null) fields.push('key', asText(record.key));
  if (record.timestamp !== undefined) fields.push('ts', String(record.timestamp));
  return fields;
}

function read(fields: Fields): Content {
  const own = mapOf(fields);
  const envelope = own.get(ENVELOPE);
  const place = { key: keyIn(own.get('key')), timestamp: timeIn(own.get('ts')) };
  if (!envelope) return { ...place, value: own.has('null') ? null : objectOf(fields, () => true), headers: [] };
  const { value, headers } = readEnvelope(envelope);
  return { ...place, value: own.has('null') ? null : value, headers };
}
