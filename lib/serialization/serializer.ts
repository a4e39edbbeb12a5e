import type { HeaderList } from '../core/headers.js';

/** Turns payloads into bytes and back. One a format; a promise where it has to look something up. */
export interface Serializer {
  /** @throws SerializationError when the payload has no form in this format. */
  serialize(message: unknown, topic: string): Buffer | Promise<Buffer>;
  /** The payload, or its promise. @throws DeserializationError when the bytes are not of this format. */
  deserialize(value: Buffer, topic: string, headers: HeaderList): unknown;
  /** The same for a key; where there is none, keys are text. */
  deserializeKey?: ((key: Buffer, topic: string, headers: HeaderList) => unknown) | undefined;
}
