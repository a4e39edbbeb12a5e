import type { KafkaMessage } from 'kafkajs';
import type { Delivery, Partition } from '../../core/delivery.js';
import { NO_HEADERS, type HeaderList } from '../../core/headers.js';

/** kafkajs' message as a delivery. Kafka does not count deliveries. */
export function toDelivery(partition: Partition, message: KafkaMessage): Delivery {
  const { key, value, offset, timestamp, headers } = message;
  return {
    partition,
    offset,
    key: key === null || key.length === 0 ? null : key,
    value,
    headers: headers === undefined ? NO_HEADERS : toHeaderList(headers),
    timestamp: Number(timestamp),
    deliveries: 1,
  };
}

function toHeaderList(headers: NonNullable<KafkaMessage['headers']>): HeaderList {
  const list: (readonly [string, Buffer])[] = [];
  for (const name of Object.keys(headers)) {
    const values = headers[name];
    for (const value of Array.isArray(values) ? values : [values])
      if (value !== undefined) list.push([name, typeof value === 'string' ? Buffer.from(value) : value]);
  }
  return list.length === 0 ? NO_HEADERS : list;
}
