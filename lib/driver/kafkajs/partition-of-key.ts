import { crc32 } from 'node:zlib';
import { partitionOf } from '../../core/murmur2.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';

/** As Java's client (`murmur2`), or as librdkafka's `consistent` (`crc32`). */
export function partitionOfKey(
  key: Buffer,
  partitions: number,
  partitioner: ResolvedKafkaOptions['partitioner'],
): number {
  return partitioner === 'murmur2' ? partitionOf(key, partitions) : crc32(key) % partitions;
}
