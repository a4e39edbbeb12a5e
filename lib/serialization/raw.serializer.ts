import { SerializationError } from '../core/errors.js';
import type { Serializer } from './serializer.js';

/** Bytes as they are. */
export const rawSerializer = {
  serialize(message: unknown, topic: string): Buffer {
    if (message instanceof Uint8Array) return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    throw new SerializationError(
      `Expected the message to topic \`${topic}\` to be a Buffer, since \`raw\` is set, got ${typeof message}. Send a Buffer, or leave \`raw\` out.`,
      { topic },
    );
  },

  deserialize: (value: Buffer): unknown => value,
} satisfies Serializer;
