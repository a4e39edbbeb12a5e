import { gzipSync } from 'node:zlib';
import * as kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { OversizedError } from '../../../lib/driver/kafkajs/codecs/codec.js';
import { registerCodecs } from '../../../lib/driver/kafkajs/codecs/register-codecs.js';

const codecs = registerCodecs(kafkajs);
const compressed = (length: number) => gzipSync(Buffer.alloc(length));
/** As kafkajs calls it, with a part of the answer. */
const lengthOf = async (part: Buffer): Promise<number> => {
  const table = kafkajs.CompressionCodecs as Record<number, () => { decompress(bytes: Buffer): Promise<Buffer> }>;
  return (await table[kafkajs.CompressionTypes.GZIP]?.().decompress(part))?.length ?? -1;
};

describe('what is compressed in an answer', () => {
  it('is bounded by its own connection, though small answers share their memory', async () => {
    const one = compressed(1_000);
    const pooled = Buffer.concat([one, one]);
    const [small, large] = [pooled.subarray(0, one.length), pooled.subarray(one.length)];
    expect(small.buffer.byteLength).toBe(Buffer.poolSize);
    const [narrow, wide] = [codecs.bounded(small, 999), codecs.bounded(large, 1_000)];
    await expect(lengthOf(narrow.subarray(0))).rejects.toThrow(OversizedError);
    await expect(lengthOf(wide.subarray(0))).resolves.toBe(1_000);
  });

  it('is not bounded where it comes from a client that is none of ours', async () => {
    codecs.bounded(compressed(10), 1);
    await expect(lengthOf(compressed(100_000))).resolves.toBe(100_000);
  });

  it('is decoded in place where the answer is large', () => {
    const answer = Buffer.allocUnsafe(Buffer.poolSize + 1);
    expect(codecs.bounded(answer, 1)).toBe(answer);
  });
});
