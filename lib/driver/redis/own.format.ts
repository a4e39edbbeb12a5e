import type { OutgoingRecord } from '../../core/message.js';
import { asText, keyIn, objectOf, timeIn, type Content, type EntryFormat, type Fields } from './redis.fields.js';

const HEADER_PREFIX = 'h:';
const CONTENT_TYPE = 'content-type';

/**
 * Readable by anything that reads streams: `data` (or what `payloadField` says), or `null` = `1` for a tombstone; `key`; `ts` when the
 * sender set a time; `ct`, the header `content-type`; each other header as `h:<name>`, repeated as it is; and `id`.
 */
export function ownFormat(valueField: string): EntryFormat {
  return {
    write: (record, messageId) => write(record, messageId, valueField),
    read: (fields) => read(fields, valueField),
  };
}

function write(record: OutgoingRecord, messageId: string, valueField: string): (string | Buffer)[] {
  const fields: (string | Buffer)[] = ['id', messageId];
  if (record.value === null) fields.push('null', '1');
  else fields.push(valueField, asText(record.value));
  if (record.key !== null) fields.push('key', asText(record.key));
  if (record.timestamp !== undefined) fields.push('ts', String(record.timestamp));
  for (const [name, value] of record.headers)
    fields.push(name === CONTENT_TYPE ? 'ct' : HEADER_PREFIX + name, asText(value));
  return fields;
}

function read(fields: Fields, valueField: string): Content {
  const headers: [string, Buffer][] = [];
  let key: Buffer | null = null;
  let value: Buffer | null | undefined;
  let timestamp: number | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = String(fields[i]);
    const content = fields[i + 1] as Buffer;
    if (name === valueField) value = content;
    else if (name === 'null') value ??= null;
    else if (name === 'key') key = keyIn(content);
    else if (name === 'ts') timestamp = timeIn(content);
    else if (name === 'ct') headers.push([CONTENT_TYPE, content]);
    else if (name.startsWith(HEADER_PREFIX)) headers.push([name.slice(HEADER_PREFIX.length), content]);
  }
  if (value === undefined) value = objectOf(fields, (name) => !name.startsWith(HEADER_PREFIX));
  return { key, value, headers, timestamp };
}
