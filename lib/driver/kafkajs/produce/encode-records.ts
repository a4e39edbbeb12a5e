import type { OutgoingRecord } from '../../../core/message.js';
import { varbytesBytes, varintBytes, WireWriter } from '../wire/wire-writer.js';

/** A record with its place in the batch. */
export interface PlacedRecord extends Pick<OutgoingRecord, 'key' | 'value' | 'headers'> {
  readonly offsetDelta: number;
  /** ms after the first of the batch. */
  readonly timestampDelta: number;
}

/** As they lie in a batch (KIP-98), in one piece. */
export function encodeRecords(records: readonly PlacedRecord[]): Buffer {
  const bodies = records.map(bodyBytes);
  const target = Buffer.allocUnsafe(bodies.reduce((sum, bytes) => sum + varintBytes(bytes) + bytes, 0));
  const writer = new WireWriter(target);
  for (const [index, record] of records.entries()) write(writer, record, bodies[index] as number);
  return target;
}

function write(writer: WireWriter, record: PlacedRecord, bytes: number): void {
  writer.varint(bytes);
  writer.int8(0); // attributes: none is in use
  writer.varint(record.timestampDelta);
  writer.varint(record.offsetDelta);
  writer.varbytes(record.key);
  writer.varbytes(record.value);
  writer.varint(record.headers.length);
  for (const [name, value] of record.headers) {
    writer.vartext(name);
    writer.varbytes(value);
  }
}

function bodyBytes({ key, value, headers, timestampDelta, offsetDelta }: PlacedRecord): number {
  let bytes = 1 + varintBytes(timestampDelta) + varintBytes(offsetDelta) + varbytesBytes(key) + varbytesBytes(value);
  bytes += varintBytes(headers.length);
  for (const [name, content] of headers) {
    const length = Buffer.byteLength(name);
    bytes += varintBytes(length) + length + varbytesBytes(content);
  }
  return bytes;
}
