import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { SubscribeRequest } from '../driver.js';
import { clientConfig, nativeOf } from './confluent.client.js';
import type { NativeConfig } from './confluent.native.js';
import { boundConfig } from './decompression-bound.js';

/** A partition is fetched again this long after its queue was full; the default of a second halves a catch-up (measured). */
const QUEUE_BACKOFF_MS = 50;
/** A resumed partition waits for the broker's current fetch to end. */
const FETCH_WAIT_MS = 100;
const QUEUED_KBYTES = 16_384;

export function consumerConfig(
  options: ResolvedKafkaOptions,
  { groupId, topics }: SubscribeRequest,
  callbacks: NativeConfig,
): { readonly client: NativeConfig; readonly topic: NativeConfig } {
  const { sessionTimeoutMs, heartbeatIntervalMs, maxPollIntervalMs, groupInstanceId, assignor, isolationLevel } =
    options;
  const client = {
    ...clientConfig(options),
    ...callbacks,
    'group.id': groupId,
    'session.timeout.ms': sessionTimeoutMs,
    'heartbeat.interval.ms': heartbeatIntervalMs,
    'max.poll.interval.ms': maxPollIntervalMs,
    ...(groupInstanceId !== undefined && { 'group.instance.id': groupInstanceId }),
    'partition.assignment.strategy': assignor,
    'isolation.level': isolationLevel,
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'enable.partition.eof': true, // tells how far the log was read behind the last message: control records
    'fetch.wait.max.ms': FETCH_WAIT_MS,
    'fetch.queue.backoff.ms': QUEUE_BACKOFF_MS,
    'queued.max.messages.kbytes': QUEUED_KBYTES,
    ...boundConfig(options),
    ...nativeOf(options),
  };
  return { client, topic: { 'auto.offset.reset': resetOf(topics) } };
}

/** Of a position that the log loses while it is read; where reading begins is ours to say. */
function resetOf(topics: SubscribeRequest['topics']): string {
  const resets = topics.map(({ autoOffsetReset }) => autoOffsetReset);
  if (resets.includes('none')) return 'error';
  return resets[0] === 'latest' ? 'latest' : 'earliest';
}
