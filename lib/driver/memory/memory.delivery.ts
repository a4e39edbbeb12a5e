import type { Delivery, Partition } from '../../core/delivery.js';
import type { StoredRecord } from '../../memory-broker/memory-topic.js';

/** A stored record as a delivery. The embedded broker does not count deliveries. */
export function toDelivery(partition: Partition, record: StoredRecord): Delivery {
  const { key, value, headers, timestamp } = record;
  return { partition, offset: String(record.offset), key, value, headers, timestamp, deliveries: 1 };
}
