import { beforeAll, describe, expect, it } from 'vitest';
import { OversizedError, type Codec } from '../../../lib/driver/kafkajs/codecs/codec.js';
import { loadCodec } from '../../../lib/driver/kafkajs/codecs/load-codec.js';
import { zstdCodec, type ZstdModule } from '../../../lib/driver/kafkajs/codecs/zstd.codec.js';

const SIZE = 300_000;
const text = Buffer.from('some text '.repeat(SIZE / 10));

describe.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('the codec %s', (name) => {
  let codec: Codec;
  beforeAll(async () => {
    codec = await loadCodec(name);
  });

  it.each([0, 1, 100, SIZE])('gives back %d bytes that it made fewer', async (length) => {
    const bytes = text.subarray(0, length);
    expect(Buffer.compare(await codec.decompress(await codec.compress(bytes), SIZE), bytes)).toBe(0);
  });

  it('refuses to make more than it may', async () => {
    const packed = await codec.compress(text);
    await expect(async () => codec.decompress(packed, SIZE - 1)).rejects.toBeInstanceOf(OversizedError);
  });

  it('gives back 9 MB, more than a block of it', async () => {
    const bytes = Buffer.alloc(9_000_000, 'blocks and blocks ');
    expect(Buffer.compare(await codec.decompress(await codec.compress(bytes), bytes.length), bytes)).toBe(0);
  });
});

it('zstd: allocates what it needs when the frame does not tell its size, and no more than it may', async () => {
  const asked: number[] = [];
  const wasm: ZstdModule = {
    init: async () => {},
    compress: (bytes) => bytes,
    decompress: (_, { defaultHeapSize }) => {
      asked.push(defaultHeapSize);
      throw new Error('Failed to compress with code -70');
    },
  };
  const codec = await zstdCodec(wasm);
  const frameWithoutSize = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);
  expect(() => codec.decompress(frameWithoutSize, 10 << 20)).toThrow(OversizedError);
  expect(asked).toEqual([1 << 20, 4 << 20, 10 << 20]);
});

it('zstd: does not believe a frame that says it is huge', async () => {
  const codec = await zstdCodec({
    init: async () => {},
    compress: (bytes) => bytes,
    decompress: () => Buffer.alloc(0),
  });
  const frame = Buffer.alloc(14);
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0xe0]);
  frame.writeBigUInt64LE(1n << 60n, 5);
  expect(() => codec.decompress(frame, 1 << 20)).toThrow(OversizedError);
});

it.each([
  ['snappy', 'snappyjs'],
  ['lz4', 'lz4js'],
] as const)('%s: says what to install when its package is missing', async (name, packageName) => {
  const missing = () => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));
  await expect(loadCodec(name, missing)).rejects.toThrow(
    `The package \`${packageName}\` is missing; \`${name}\` compression with kafkajs needs it. Install it: npm i ${packageName}`,
  );
});
