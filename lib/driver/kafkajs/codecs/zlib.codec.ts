import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { OversizedError, type Codec } from './codec.js';

type Compress = (bytes: Buffer) => Promise<Buffer>;
type Decompress = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

/** Node has them since 22.15; the types of Node 20 do not know them. */
const newer = zlib as unknown as Partial<Record<'zstdCompress' | 'zstdDecompress', (...args: never[]) => void>>;

export const gzip: Codec = zlibCodec(promisify(zlib.gzip), promisify(zlib.unzip));

/** Undefined where Node has none. */
export const nodeZstd: Codec | undefined =
  newer.zstdCompress && newer.zstdDecompress
    ? zlibCodec(
        promisify(newer.zstdCompress) as unknown as Compress,
        promisify(newer.zstdDecompress) as unknown as Decompress,
      )
    : undefined;

function zlibCodec(compress: Compress, decompress: Decompress): Codec {
  return {
    compress,
    async decompress(bytes, maxBytes) {
      try {
        return await decompress(bytes, { maxOutputLength: maxBytes });
      } catch (error) {
        throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? new OversizedError() : error;
      }
    },
  };
}
