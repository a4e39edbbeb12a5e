import type { Delivery } from '../core/delivery.js';

/** The message that bytes are of: where it stands, and its headers. */
export type Source = Pick<Delivery, 'partition' | 'offset' | 'headers'>;

/** Turns payloads into bytes and back. One a format; a promise where it has to look something up. */
export interface Serializer {
  /** @throws SerializationError when the payload has no form in this format. */
  serialize(message: unknown, topic: string): Buffer | Promise<Buffer>;
  /** The payload, or its promise. @throws DeserializationError when the bytes are not of this format. */
  deserialize(value: Buffer, source: Source): unknown;
  /** The same for a key; where there is none, keys are text. */
  deserializeKey?: ((key: Buffer, source: Source) => unknown) | undefined;
}
