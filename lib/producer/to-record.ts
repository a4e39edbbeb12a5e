import { SerializationError } from '../core/errors.js';
import { toHeaderList, type HeadersInput } from '../core/headers.js';
import type { OutgoingRecord } from '../core/message.js';
import type { Formats } from '../serialization/formats.js';
import { rawSerializer } from '../serialization/raw.serializer.js';
import type { Serializer } from '../serialization/serializer.js';
import { topicNameOf, type TopicRef } from '../topic/topic.js';

export interface SendOptions<T extends TopicRef = TopicRef> {
  /** The topic, by name or by class. */
  readonly topic: T;
  readonly headers?: HeadersInput | undefined;
  /** The partition, where the broker has any; chosen by key without it. */
  readonly partition?: number | undefined;
  /** Milliseconds since the epoch, or a date; the clock's now without it. Fractions are cut off. */
  readonly timestamp?: number | Date | undefined;
  /** Nobody sees the message before that time has passed, in ms. Redis and memory only. */
  readonly delayMs?: number | undefined;
  /** The message is a Buffer and travels as it is. */
  readonly raw?: boolean | undefined;
}

/** What turns a message and its key into bytes. */
export interface Encoding {
  readonly formats: Formats;
  /** Instead of the topic's own format. */
  readonly serializer?: Serializer | undefined;
  /** Milliseconds since the epoch: what a delay counts from. */
  readonly now?: number;
}

/** A record, or its promise where a schema has to be looked up or a validator takes time. @throws SerializationError, before anything leaves. */
export function toRecord(
  message: unknown,
  key: unknown,
  options: SendOptions & { readonly idempotencyKey?: string | undefined },
  { formats, serializer, now = 0 }: Encoding,
): OutgoingRecord | Promise<OutgoingRecord> {
  const topic = topicNameOf(options.topic);
  const delayMs = delayOf(options, topic);
  const timestamp = timestampOf(options, topic);
  const headers = headerList(options.headers, topic);
  const used = options.raw ? rawSerializer : (serializer ?? formats.of(options.topic));
  const keyBytes = formats.keyOf(key, options.topic);
  const value = message === null ? null : used.serialize(message, topic);
  const record = (bytes: Buffer | null, encoded: Buffer | null): OutgoingRecord => ({
    topic,
    key: bytes,
    value: encoded,
    headers,
    partition: options.partition,
    timestamp,
    dueAt: delayMs > 0 ? now + delayMs : undefined,
    idempotencyKey: options.idempotencyKey,
  });
  if (!(value instanceof Promise) && !(keyBytes instanceof Promise)) return record(keyBytes, value);
  return Promise.all([keyBytes, value]).then(([bytes, encoded]) => record(bytes, encoded));
}

function delayOf({ delayMs = 0 }: SendOptions, topic: string): number {
  if (Number.isFinite(delayMs) && delayMs >= 0) return delayMs;
  throw new SerializationError(`Expected \`delayMs\` to be a number ≥ 0, got \`${delayMs}\`. Give it in ms.`, {
    topic,
  });
}

function timestampOf({ timestamp }: SendOptions, topic: string): number | undefined {
  if (timestamp === undefined) return undefined;
  const ms = Math.floor(Number(timestamp));
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new SerializationError(
    `Expected \`timestamp\` to be milliseconds ≥ 0 since the epoch, or a date, got \`${String(timestamp)}\`.`,
    { topic },
  );
}

function headerList(headers: HeadersInput | undefined, topic: string) {
  try {
    return toHeaderList(headers);
  } catch (cause) {
    throw new SerializationError(`Message to topic \`${topic}\`: ${(cause as Error).message}`, { topic, cause });
  }
}
