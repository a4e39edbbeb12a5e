import { settledWithin } from '../../core/clock.js';
import { AuthorizationError, BrokerUnavailableError, MissingPackageError } from '../../core/errors.js';
import { UnboundedTopicError } from '../../core/unbounded-topic.error.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import type { KafkajsAdmin } from '../kafkajs/kafkajs.admin.js';
import type { NativeConfig } from './confluent.native.js';
import type { KafkajsBeside } from './kafkajs-beside.js';

export const RECEIVED = 'receive.message.max.bytes';
/** librdkafka's defaults. */
const DEFAULTS = { received: 100_000_000, fetched: 52_428_800, requested: 1_000_000 };
const MOST_RECEIVED = 2_000_000_000;
const ANSWER_MS = 5_000;

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
  readonly context: DriverContext;
}

/** Who bounds what is decompressed needs kafkajs, too. @throws MissingPackageError where it is needed and not installed */
export async function adminOfBound(
  options: ResolvedKafkaOptions,
  kafkajs: KafkajsBeside,
): Promise<KafkajsAdmin | undefined> {
  if (options.maxDecompressedBytes === undefined) return undefined;
  const found = await kafkajs.find();
  if (!found) throw new MissingPackageError('kafkajs', "`maxDecompressedBytes` with `backend: 'confluent'`");
  return found.admin;
}

/**
 * What librdkafka does not bound is bounded by the size that the broker takes.
 * @throws UnboundedTopicError, BrokerUnavailableError within 5 s, and what the broker says
 */
export async function assertBounded(topics: readonly string[], parts: BoundParts): Promise<void> {
  const admin = await adminOfBound(parts.options, parts.kafkajs);
  if (admin) await Promise.all(topics.map((topic) => assertOne(topic, admin, parts)));
}

async function assertOne(topic: string, admin: KafkajsAdmin, { options, context }: BoundParts): Promise<void> {
  const { maxDecompressedBytes = Infinity } = options;
  const asking = settings(topic, admin);
  if (!(await settledWithin(context.clock, asking, ANSWER_MS)))
    throw new BrokerUnavailableError(`The settings of topic \`${topic}\` were not told in time.`, { topic });
  const { maxMessageBytes, compressionType } = await asking;
  const growth = GROWTH[compressionType] ?? 1_032;
  if (maxMessageBytes * growth > maxDecompressedBytes)
    throw new UnboundedTopicError({ topic, maxMessageBytes, compressionType, growth, maxDecompressedBytes });
}

async function settings(topic: string, admin: KafkajsAdmin) {
  try {
    const values = (await admin.effective([topic], ['max.message.bytes', 'compression.type'])).get(topic);
    return {
      maxMessageBytes: Number(values?.get('max.message.bytes') ?? Infinity),
      compressionType: values?.get('compression.type') ?? 'producer',
    };
  } catch (cause) {
    if (!(cause instanceof AuthorizationError)) throw cause;
    const text = `Topic \`${topic}\` cannot be read with \`maxDecompressedBytes\` and \`backend: 'confluent'\`: its settings may not be seen. Grant DescribeConfigs on it.`;
    throw new AuthorizationError(text, { topic, cause });
  }
}
