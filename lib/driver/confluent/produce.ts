import type { HeaderList } from '../../core/headers.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { NativeHeader, NativeProducer } from './confluent.native.js';

/** An empty value that is no tombstone: the addon takes a buffer without memory for null, and this one has some. */
const EMPTY = Buffer.alloc(1).subarray(0, 0);

/** Hands a record to librdkafka; `opaque` comes back with its report. @throws NativeError; code -184 when the queue is full. */
export function produce(native: NativeProducer, record: OutgoingRecord, opaque: object): void {
  const { topic, partition = null, value, key, timestamp, headers } = record;
  native.produce(topic, partition, value?.length === 0 ? EMPTY : value, key, timestamp, opaque, toNative(headers));
}

function toNative(headers: HeaderList): readonly NativeHeader[] | undefined {
  return headers.length === 0 ? undefined : headers.map(([name, value]) => ({ [name]: value }));
}
