import { constants } from 'node:buffer';
import type { KafkajsModule } from '../kafkajs.client.js';
import { COMPRESSION } from './codec-name.js';
import { theCodec } from './load-codec.js';

/** What kafkajs calls. */
interface KafkajsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** Puts ours into kafkajs' table, which all clients of the process share. A package is loaded when something is compressed with it. */
export function registerCodecs({ CompressionCodecs }: KafkajsModule): void {
  const table = CompressionCodecs as unknown as Record<number, () => KafkajsCodec>;
  for (const name of ['gzip', 'snappy', 'lz4', 'zstd'] as const)
    table[COMPRESSION[name]] = () => ({
      compress: async ({ buffer }) => (await theCodec(name)).compress(buffer),
      decompress: async (bytes) => (await theCodec(name)).decompress(bytes, constants.MAX_LENGTH),
    });
}
