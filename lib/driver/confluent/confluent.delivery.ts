import type { Delivery, Partition } from '../../core/delivery.js';
import { NO_HEADERS, type HeaderList } from '../../core/headers.js';
import type { NativeHeader, NativeMessage } from './confluent.native.js';

/** librdkafka's message as a delivery. Kafka does not count deliveries. */
export function toDelivery(partition: Partition, message: NativeMessage): Delivery {
  const { key, value, offset, timestamp, headers } = message;
  return {
    partition,
    offset: String(offset),
    key: key === null || key.length === 0 ? null : key,
    value,
    headers: headers === undefined ? NO_HEADERS : toHeaderList(headers),
    timestamp,
    deliveries: 1,
  };
}

/** Each header is an object of one property. */
function toHeaderList(headers: readonly NativeHeader[]): HeaderList {
  return headers.flatMap((header) => Object.entries(header));
}
