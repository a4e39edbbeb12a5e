import type { Features } from '../driver.js';

/** What the two clients do differently. */
export interface KafkaFeatures extends Features {
  /** How partitions may be shared; members of one group need the same. */
  readonly assignors: readonly string[];
  /** Whether `enableIdempotence` is on where nobody sets it. */
  readonly idempotentByDefault: boolean;
  /** Whether a member proves that it lives from a thread of its own, so that handlers which block the event loop do not end its session. */
  readonly heartbeatThread: boolean;
  /** Whether the package brings an addon, which is built or downloaded when it is installed. */
  readonly nativeAddon: boolean;
}

/** What Kafka can do, whichever client speaks to it. */
export const kafkaFeatures: Features = {
  keyOrder: 'group',
  contiguous: true,
  partitions: true,
  remote: true,
  delayed: false,
  idempotencyKey: false,
  countsDeliveries: false,
  countsDeaths: true,
  transactions: true,
  topicName: /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/,
};
