import { isUtf8 } from 'node:buffer';
import type { Delivery } from '../../core/delivery.js';
import type { HeaderList } from '../../core/headers.js';

/** A message as a line of JSON; `produce --json` takes the same. */
export interface MessageLine {
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: string;
  /** Milliseconds since the epoch. */
  readonly timestamp?: number;
  readonly key?: string | null;
  /** What the value is as JSON; text that is no JSON is text, bytes that are no text are base64, and `avro` was read by its schema. */
  readonly value?: unknown;
  readonly encoding?: 'json' | 'text' | 'base64' | 'avro';
  /** A header that is repeated is an array. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export function toMessageLine({ partition, offset, timestamp, key, value, headers }: Delivery): MessageLine {
  return {
    topic: partition.topic,
    partition: partition.index,
    offset,
    timestamp,
    key: key === null ? null : textOf(key),
    ...readable(value),
    headers: toObject(headers),
  };
}

/** What a person reads of a message's value. */
export function valueText(value: Buffer | null): string {
  return value === null ? 'null' : textOf(value);
}

/** A payload that was read by its schema, as JSON: longs beyond 2⁵³ as text, bytes as base64. */
export function payloadText(payload: unknown): string {
  return JSON.stringify(payload, function (this: Record<string, unknown>, name, value: unknown) {
    const own = this[name];
    if (typeof own === 'bigint') return String(own);
    return own instanceof Uint8Array ? Buffer.from(own).toString('base64') : value;
  });
}

function readable(value: Buffer | null): Pick<MessageLine, 'value' | 'encoding'> {
  if (value === null) return { value: null };
  if (!isUtf8(value)) return { value: value.toString('base64'), encoding: 'base64' };
  const text = value.toString('utf8');
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed === null || JSON.stringify(parsed) !== text ? { value: text, encoding: 'text' } : { value: parsed };
  } catch {
    return { value: text, encoding: 'text' };
  }
}

function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : `base64:${bytes.toString('base64')}`;
}

function toObject(headers: HeaderList): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const before = object[name];
    const text = textOf(value);
    object[name] = before === undefined ? text : [before, text].flat();
  }
  return object;
}
