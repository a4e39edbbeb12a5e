import { constants } from 'node:buffer';
import type { KafkajsModule } from '../kafkajs.client.js';
import { COMPRESSION, type CodecName } from './codec-name.js';
import type { Codec } from './codec.js';
import { loadCodec } from './load-codec.js';

/** What kafkajs calls. */
interface KafkajsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** What all connections of a process share, since kafkajs has one table of codecs; each is loaded once. */
export interface Codecs {
  /** @throws MissingPackageError with the line that installs it. */
  load(name: CodecName): Promise<Codec>;
}

const KEY = Symbol.for('nestjs-messaging:codecs');

/** Puts ours into kafkajs' table, once. A package is loaded when something is to be compressed or decompressed with it. */
export function registerCodecs({ CompressionCodecs }: KafkajsModule): Codecs {
  const table = CompressionCodecs as unknown as Record<number, () => KafkajsCodec> & { [KEY]?: Codecs };
  return (table[KEY] ??= register(table));
}

function register(table: Record<number, () => KafkajsCodec>): Codecs {
  const loaded = new Map<CodecName, Promise<Codec>>();
  const load = (name: CodecName) => {
    const codec = loaded.get(name) ?? loadCodec(name);
    loaded.set(name, codec);
    return codec;
  };
  for (const name of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const codec: KafkajsCodec = {
      compress: async ({ buffer }) => (await load(name)).compress(buffer),
      decompress: async (bytes) => (await load(name)).decompress(bytes, constants.MAX_LENGTH),
    };
    table[COMPRESSION[name]] = () => codec;
  }
  return { load };
}
