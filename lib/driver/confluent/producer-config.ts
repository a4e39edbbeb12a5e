import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { TRANSACTION_TIMEOUT_MS } from '../kafka/transactor.js';
import { clientConfig, nativeOf } from './confluent.client.js';
import type { NativeConfig } from './confluent.native.js';

/** How long a topic that is unknown is looked for: it may have been created a moment ago. */
const UNKNOWN_TOPIC_MS = 2_000;
const SMALLEST_MESSAGE_LIMIT = 1_000;
/** All records of a transaction are handed over at once. */
const LINGER_MS = 1;
const LONGEST_REQUEST_TIMEOUT_MS = 900_000;

export function producerConfig(options: ResolvedKafkaOptions): NativeConfig {
  const {
    acks,
    enableIdempotence = acks === 'all',
    partitioner,
    lingerMs,
    maxBatchSize,
    maxMessageBytes,
    deliveryTimeoutMs,
    requestTimeoutMs,
  } = options;
  return {
    ...clientConfig(options),
    dr_cb: true,
    'enable.idempotence': enableIdempotence,
    // without idempotence a repeat would overtake what was sent after it
    ...(!enableIdempotence && { 'max.in.flight.requests.per.connection': 1 }),
    'compression.type': options.compressionType,
    acks: acks === 'all' ? -1 : acks,
    partitioner: partitioner === 'murmur2' ? 'murmur2_random' : 'consistent_random',
    'linger.ms': lingerMs,
    'batch.size': maxBatchSize,
    'message.max.bytes': Math.max(maxMessageBytes, SMALLEST_MESSAGE_LIMIT),
    'message.timeout.ms': Math.max(deliveryTimeoutMs, lingerMs),
    'request.timeout.ms': Math.min(requestTimeoutMs, LONGEST_REQUEST_TIMEOUT_MS),
    'topic.metadata.propagation.max.ms': UNKNOWN_TOPIC_MS,
    ...nativeOf(options),
  };
}

/** The same producer, with a batch for each record. */
export function withoutBatches(options: ResolvedKafkaOptions): ResolvedKafkaOptions {
  return { ...options, lingerMs: 0, native: { ...options.native, 'linger.ms': 0, 'batch.num.messages': 1 } };
}

/** A record of so many bytes has a batch of its own: librdkafka adds none to one that is full, and nothing to one that it fills. */
export function aloneFrom(config: NativeConfig): number {
  if (config['batch.num.messages'] === 1) return 0;
  return Math.min(Number(config['batch.size']), Number(config['message.max.bytes']));
}

/** Whatever waits must not wait longer than the broker lets a transaction be open; librdkafka refuses it. */
export function transactionConfig(options: ResolvedKafkaOptions, id: string): NativeConfig {
  const patienceMs = Math.min(options.requestTimeoutMs, TRANSACTION_TIMEOUT_MS - 1_000);
  return {
    ...producerConfig({ ...options, acks: 'all', enableIdempotence: true }),
    'transactional.id': id,
    'transaction.timeout.ms': TRANSACTION_TIMEOUT_MS,
    'message.timeout.ms': TRANSACTION_TIMEOUT_MS - 1_000,
    'socket.timeout.ms': Math.max(patienceMs, 10),
    'request.timeout.ms': patienceMs,
    'linger.ms': LINGER_MS,
  };
}
