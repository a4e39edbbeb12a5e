import type { Features } from '../driver.js';

/**
 * `keyOrder` is what every topic has: members share a plain stream message by message. A topic with `partitions` keeps the order of a
 * key in the whole group; the consumer says at start which topics do not.
 */
export const redisFeatures: Features = {
  keyOrder: 'process',
  contiguous: false,
  partitions: true,
  remote: true,
  delayed: true,
  idempotencyKey: true,
  countsDeliveries: true,
  countsDeaths: false,
  transactions: false,
};
