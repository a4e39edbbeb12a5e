import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { clientConfig, nativeOf } from './confluent.client.js';
import type { NativeConfig } from './confluent.native.js';

/** How long a topic that is unknown is looked for: it may have been created a moment ago. */
const UNKNOWN_TOPIC_MS = 2_000;
const SMALLEST_MESSAGE_LIMIT = 1_000;
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
