import { OversizedError, type Codec } from './codec.js';

/** The part of `lz4js` that is used. */
export interface Lz4Module {
  compress(bytes: Uint8Array): Uint8Array;
  /** The most that the frame can have inside, by its blocks. */
  decompressBound(bytes: Uint8Array): number;
  /** Writes the content and returns its length; what has no place in `target` is left out, and counted. */
  decompressFrame(bytes: Uint8Array, target: Uint8Array): number;
}

export function lz4Codec({ compress, decompressBound, decompressFrame }: Lz4Module): Codec {
  return {
    compress: (bytes) => Buffer.from(compress(bytes)),
    decompress(bytes, maxBytes) {
      const target = Buffer.allocUnsafe(Math.min(decompressBound(bytes), maxBytes));
      const length = decompressFrame(bytes, target);
      if (length > maxBytes) throw new OversizedError();
      if (length > target.length) throw new Error('the lz4 frame has more content than it says');
      return Buffer.from(target.subarray(0, length)); // what is kept of a batch must not keep its blocks' room too
    },
  };
}
