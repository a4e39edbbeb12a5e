import { OversizedError, type Codec } from './codec.js';

/** The part of `@bokuweb/zstd-wasm` that is used. */
export interface ZstdModule {
  /** Once a process: after a second call what it compresses is zeros (seen with 0.0.27). */
  readonly init: () => Promise<void>;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  readonly decompress: (bytes: Uint8Array, options: { readonly defaultHeapSize: number }) => Uint8Array;
}

const FIRST_BYTES = 1 << 20;
/** libzstd's code for a target that is too small, as the package's text has it: it has no code of its own. */
const TOO_SMALL = /code -70$/;

export async function zstdCodec({ init, compress, decompress }: ZstdModule): Promise<Codec> {
  await init();
  return {
    compress: (bytes) => Buffer.from(compress(bytes)),
    decompress(bytes, maxBytes) {
      const known = contentSizeOf(bytes);
      if (known !== undefined && known > maxBytes) throw new OversizedError();
      for (let room = Math.min(FIRST_BYTES, maxBytes); ; room = Math.min(room * 4, maxBytes)) {
        try {
          return Buffer.from(decompress(bytes, { defaultHeapSize: room }));
        } catch (error) {
          if (known !== undefined || !TOO_SMALL.test((error as Error).message)) throw error;
          if (room === maxBytes) throw new OversizedError();
        }
      }
    },
  };
}

/** The size of the content, where the frame's header has it (RFC 8878, 3.1.1.1): the package would allocate as much, whatever it says. */
function contentSizeOf(frame: Buffer): number | undefined {
  const descriptor = frame[4] ?? 0;
  const flag = descriptor >> 6;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  if (flag === 0) return isSingleSegment ? frame[at] : undefined;
  if (flag === 1) return frame.readUInt16LE(at) + 256;
  return flag === 2 ? frame.readUInt32LE(at) : Number(frame.readBigUInt64LE(at));
}
