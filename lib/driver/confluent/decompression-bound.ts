import { UnboundedTopicError } from '../../core/unbounded-topic.error.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { NativeConfig } from './confluent.native.js';
import type { KafkajsBeside } from './kafkajs-beside.js';

export const RECEIVED = 'receive.message.max.bytes';
/** librdkafka's defaults. */
const DEFAULTS = { received: 100_000_000, fetched: 52_428_800, requested: 1_000_000 };
const MOST_RECEIVED = 2_000_000_000;

/** An answer of the broker has a batch whole, and other things: room for as much again. */
const LEAST_GROWTH = 2;
/** How much larger a batch can become, by the format of its codec. What producers choose can be any of them. zstd is bounded by librdkafka. */
const GROWTH: Readonly<Record<string, number>> = {
  uncompressed: LEAST_GROWTH,
  zstd: LEAST_GROWTH,
  snappy: 22,
  lz4: 255,
  gzip: 1_032,
  producer: 1_032,
};

/** Where it can be raised too. */
export function zstdBound({ native, maxDecompressedBytes }: ResolvedKafkaOptions): {
  readonly maxBytes: number;
  readonly option: string;
} {
  if (maxDecompressedBytes !== undefined) return { maxBytes: maxDecompressedBytes, option: 'maxDecompressedBytes' };
  return { maxBytes: Number(native?.[RECEIVED] ?? DEFAULTS.received), option: `native['${RECEIVED}']` };
}

/** Of a consumer: librdkafka makes no more of zstd than it would receive at once. */
export function boundConfig({ maxDecompressedBytes }: ResolvedKafkaOptions): NativeConfig {
  if (maxDecompressedBytes === undefined) return {};
  const half = Math.floor(maxDecompressedBytes / 2);
  return {
    [RECEIVED]: Math.min(maxDecompressedBytes, MOST_RECEIVED),
    'fetch.max.bytes': Math.min(half, DEFAULTS.fetched),
    'message.max.bytes': Math.min(half, DEFAULTS.requested), // librdkafka fetches no less than this
  };
}

export interface BoundParts {
  readonly options: ResolvedKafkaOptions;
  readonly kafkajs: KafkajsBeside;
}

/** What librdkafka does not bound is bounded by the size that the broker takes. @throws UnboundedTopicError, MissingPackageError, and what the broker says */
export async function assertBounded(topics: readonly string[], { options, kafkajs }: BoundParts): Promise<void> {
  const { maxDecompressedBytes } = options;
  if (maxDecompressedBytes === undefined) return;
  const { admin } = await kafkajs.open();
  for (const [topic, values] of await admin.effective(topics, ['max.message.bytes', 'compression.type'])) {
    const maxMessageBytes = Number(values.get('max.message.bytes'));
    const compressionType = String(values.get('compression.type'));
    const growth = GROWTH[compressionType] ?? 1_032;
    if (!(maxMessageBytes * growth <= maxDecompressedBytes))
      throw new UnboundedTopicError({ topic, maxMessageBytes, compressionType, growth, maxDecompressedBytes });
  }
}
