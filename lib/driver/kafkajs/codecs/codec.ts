/** Makes bytes fewer, and the reverse. */
export interface Codec {
  compress(bytes: Buffer): Promise<Buffer> | Buffer;
  /** @throws OversizedError when the result would have more than `maxBytes`; that many are never allocated. */
  decompress(bytes: Buffer, maxBytes: number): Promise<Buffer> | Buffer;
}

/** The result would be larger than it may be. */
export class OversizedError extends Error {}
