import { OversizedError, type Codec } from './codec.js';

/** The part of `lz4js` that is used. */
export interface Lz4Module {
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  /** The most that the frame can have inside, by its blocks. */
  readonly decompressBound: (bytes: Uint8Array) => number;
  /** Writes the content and returns its length; what has no place in `target` is left out, and counted. */
  readonly decompressFrame: (bytes: Uint8Array, target: Uint8Array) => number;
}

/**
 * The magic number, independent blocks of up to 4 MiB, and the checksum of that. The package's own header lacks the flag of independence, without
 * which Java's brokers refuse a batch (`Lz4BlockInputStream`, as error UNKNOWN).
 */
const HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
const END = Buffer.alloc(4);
const BLOCK_BYTES = 4 << 20;

export function lz4Codec({ compress, decompressBound, decompressFrame }: Lz4Module): Codec {
  return {
    compress(bytes) {
      const blocks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
        const frame = compress(bytes.subarray(at, at + BLOCK_BYTES));
        blocks.push(frame.subarray(HEADER.length, -END.length));
      }
      return Buffer.concat([HEADER, ...blocks, END]);
    },
    decompress(bytes, maxBytes) {
      const target = Buffer.allocUnsafe(Math.min(decompressBound(bytes), maxBytes));
      const length = decompressFrame(bytes, target);
      if (length > maxBytes) throw new OversizedError();
      if (length > target.length) throw new Error('the lz4 frame has more content than it says');
      return Buffer.from(target.subarray(0, length)); // what is kept of a batch must not keep its blocks' room too
    },
  };
}
