import { DeserializationError, SerializationError } from '../core/errors.js';
import { contextOf, detailsOf, textOf, type CodecContext } from './codec-context.js';
import type { Serializer, Source } from './serializer.js';

/** JSON in UTF-8 (RFC 8259). */
export const jsonSerializer = {
  serialize(message: unknown, topic: string): Buffer {
    const text = stringify(message, topic);
    if (text !== undefined) return Buffer.from(text, 'utf8');
    throw new SerializationError(
      `Message to topic \`${topic}\` is a ${typeof message}, which JSON does not have. Send an object, or null for a tombstone.`,
      { topic },
    );
  },

  deserialize: (value: Buffer, source: Source): unknown => parse(value, () => contextOf(source, 'value')),
} satisfies Serializer;

/** @throws DeserializationError */
export function fromJson(value: Buffer, context: CodecContext): unknown {
  return parse(value, () => context);
}

function parse(value: Buffer, context: () => CodecContext): unknown {
  try {
    return JSON.parse(value.toString('utf8')) as unknown;
  } catch (cause) {
    const about = context();
    throw new DeserializationError(
      `${textOf(about)} is not JSON (${value.length} bytes, beginning ${firstBytes(value)}). Correct the sender, or read the topic with \`raw: true\`.`,
      detailsOf(about, cause),
    );
  }
}

function stringify(message: unknown, topic: string): string | undefined {
  if (message instanceof Uint8Array)
    throw new SerializationError(
      `Message to topic \`${topic}\` is a Buffer, which JSON would spell out. Send it with \`raw: true\`.`,
      { topic },
    );
  try {
    return JSON.stringify(message);
  } catch (cause) {
    throw new SerializationError(
      `Message to topic \`${topic}\` is not JSON: ${(cause as Error).message}. Send plain data.`,
      { topic, cause },
    );
  }
}

function firstBytes(value: Buffer): string {
  return value.subarray(0, 8).toString('hex') || 'nothing';
}
