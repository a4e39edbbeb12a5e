import { OversizedError, type Codec } from './codec.js';

/** The part of `snappyjs` that is used. */
export interface SnappyModule {
  readonly compress: (bytes: Buffer) => Buffer;
  readonly uncompress: (bytes: Buffer, maxLength?: number) => Buffer;
}

/** Java's and Python's clients put blocks into the framing of snappy-java: magic, two versions, then length and block, repeated. */
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const HEADER_BYTES = 16;

export function snappyCodec({ compress, uncompress }: SnappyModule): Codec {
  const one = (block: Buffer, maxBytes: number) => {
    if (lengthOf(block) > maxBytes) throw new OversizedError();
    return uncompress(block);
  };
  return {
    compress,
    decompress(bytes, maxBytes) {
      if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return one(bytes, maxBytes);
      const blocks: Buffer[] = [];
      let left = maxBytes;
      for (let at = HEADER_BYTES; at < bytes.length;) {
        const end = at + 4 + bytes.readInt32BE(at);
        const block = one(bytes.subarray(at + 4, end), left);
        blocks.push(block);
        left -= block.length;
        at = end;
      }
      return Buffer.concat(blocks);
    },
  };
}

/** A block begins with the length of its content, seven bits a byte, the lowest first. */
function lengthOf(block: Buffer): number {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = block[at] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) break;
  }
  return length;
}
