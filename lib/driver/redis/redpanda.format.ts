import type { OutgoingRecord } from '../../core/message.js';
import { asText, keyIn, mapOf, objectOf, timeIn, type Content, type EntryFormat, type Fields } from './redis.fields.js';

/** What such an entry has no place for. All else in it is the users' metadata, so these have names that nobody gives those. */
const OWN = { id: 'x-message-id', key: 'x-key', timestamp: 'x-timestamp', tombstone: 'x-tombstone' } as const;
const OWN_NAMES = new Set<string>(Object.values(OWN));

/** As the `redis_streams` input and output of Redpanda Connect have it: the value in the field of `body_key`, and each header as a field. */
export function redpandaFormat(valueField: string): EntryFormat {
  return {
    refusal: (record) => refusal(record, valueField),
    write: (record, messageId) => write(record, messageId, valueField),
    read: (fields) => read(fields, valueField),
  };
}

/** Redpanda Connect keeps metadata in a map. */
function refusal({ headers }: OutgoingRecord, valueField: string): string | undefined {
  const names = new Set<string>();
  for (const [name] of headers) {
    if (name === valueField || OWN_NAMES.has(name))
      return `The field \`${name}\` is not for a header. Rename the header.`;
    if (names.has(name))
      return `The header \`${name}\` is repeated, and Redpanda Connect has one of a name. Send one value.`;
    names.add(name);
  }
  return undefined;
}

/** Redpanda Connect never acknowledges an entry without a body, so a tombstone has an empty one. */
function write(record: OutgoingRecord, messageId: string, valueField: string): (string | Buffer)[] {
  const fields: (string | Buffer)[] = [OWN.id, messageId];
  fields.push(valueField, record.value === null ? '' : asText(record.value));
  if (record.value === null) fields.push(OWN.tombstone, '1');
  if (record.key !== null) fields.push(OWN.key, asText(record.key));
  if (record.timestamp !== undefined) fields.push(OWN.timestamp, String(record.timestamp));
  for (const [name, value] of record.headers) fields.push(name, asText(value));
  return fields;
}

/** Of fields with one name the last counts, as it does for Redpanda Connect. */
function read(fields: Fields, valueField: string): Content {
  const own = mapOf(fields);
  const key = keyIn(own.get(OWN.key));
  const timestamp = timeIn(own.get(OWN.timestamp));
  const value = own.has(OWN.tombstone) ? null : own.get(valueField);
  if (value === undefined)
    return { key, value: objectOf(fields, (name) => !OWN_NAMES.has(name)), headers: [], timestamp };
  const headers = [...own].filter(([name]) => name !== valueField && !OWN_NAMES.has(name));
  return { key, value, headers, timestamp };
}
