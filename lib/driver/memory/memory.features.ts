import type { Features } from '../driver.js';

export const memoryFeatures: Features = {
  keyOrder: 'group',
  contiguous: true,
  partitions: true,
  remote: false,
  delayed: true,
  idempotencyKey: false,
  countsDeliveries: false,
  countsDeaths: false,
  transactions: true,
};
