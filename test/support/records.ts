import { NO_HEADERS } from '../../lib/core/headers.js';
import type { OutgoingRecord } from '../../lib/core/message.js';

/** A record with text where bytes are needed. */
export function record(
  topic: string,
  value: string | Buffer | null,
  rest: Partial<Omit<OutgoingRecord, 'key'>> & { key?: string } = {},
): OutgoingRecord {
  const { key, ...others } = rest;
  return {
    topic,
    value: typeof value === 'string' ? Buffer.from(value) : value,
    key: key === undefined ? null : Buffer.from(key),
    headers: NO_HEADERS,
    ...others,
  };
}

/** One record for each of 0 … count - 1. */
export function records(topic: string, count: number, keyOf?: (index: number) => string): OutgoingRecord[] {
  return Array.from({ length: count }, (_, index) => record(topic, String(index), keyOf ? { key: keyOf(index) } : {}));
}
