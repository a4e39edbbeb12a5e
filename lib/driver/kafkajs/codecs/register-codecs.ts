import { constants } from 'node:buffer';
import type { ResolvedKafkaOptions } from '../../../options/kafka.options.js';
import type { KafkajsModule } from '../kafkajs.client.js';
import { BatchOversizedError } from './batch-oversized.error.js';
import { OversizedError, type Codec } from './codec.js';
import { loadCodec, type CodecName } from './load-codec.js';

/** The protocol's numbers, by which kafkajs finds a codec. */
export const COMPRESSION: Readonly<Record<CodecName | 'none', number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
};

/** What kafkajs calls. */
interface KafkajsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** What all connections of a process share, since kafkajs has one table of codecs. */
export interface Codecs {
  /** @throws MissingPackageError with the line that installs it. */
  load(name: CodecName): Promise<Codec>;
  /**
   * What of this answer is compressed may become so large, at most: more rejects with a `BatchOversizedError`. Returns what is to be decoded
   * in its place.
   */
  bounded(answer: Buffer, maxBytes: number): Buffer;
}

const DEFAULT_BYTES = 64 * 1_048_576;

export function maxDecompressedBytes({ maxDecompressedBytes: bytes = DEFAULT_BYTES }: ResolvedKafkaOptions): number {
  return bytes;
}

const KEY = Symbol.for('nestjs-messaging:codecs');

/** Puts ours into kafkajs' table, once. A package is loaded when something is to be compressed or decompressed with it. */
export function registerCodecs({ CompressionCodecs }: KafkajsModule): Codecs {
  const table = CompressionCodecs as unknown as Record<number, () => KafkajsCodec> & { [KEY]?: Codecs };
  return (table[KEY] ??= register(table));
}

function register(table: Record<number, () => KafkajsCodec>): Codecs {
  /** By the memory of an answer, of which what is compressed is a part. An `AsyncLocalStorage` makes each promise of the process dearer. */
  const bounds = new WeakMap<ArrayBufferLike, number>();
  const loaded = new Map<CodecName, Promise<Codec>>();
  const load = (name: CodecName) => {
    const codec = loaded.get(name) ?? loadCodec(name);
    loaded.set(name, codec);
    return codec;
  };
  for (const name of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const codec: KafkajsCodec = {
      compress: async ({ buffer }) => (await load(name)).compress(buffer),
      decompress: async (bytes) =>
        decompress(await load(name), bytes, bounds.get(bytes.buffer) ?? constants.MAX_LENGTH),
    };
    table[COMPRESSION[name]] = () => codec;
  }
  const bounded = (answer: Buffer, maxBytes: number) => {
    const own = withOwnMemory(answer);
    bounds.set(own.buffer, maxBytes);
    return own;
  };
  return { load, bounded };
}

/** Small buffers share the memory of Node's pool with others, those of other connections too. */
function withOwnMemory(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength > Buffer.poolSize) return bytes;
  const own = Buffer.alloc(bytes.length);
  bytes.copy(own);
  return own;
}

async function decompress(codec: Codec, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await codec.decompress(bytes, maxBytes);
  } catch (error) {
    throw error instanceof OversizedError ? (BatchOversizedError.of(bytes) ?? error) : error;
  }
}
