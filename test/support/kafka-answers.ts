import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

interface Encoder {
  readonly buffer: Buffer;
  writeInt8(value: number): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeInt64(value: number): Encoder;
  writeString(value: string): Encoder;
  writeBytes(value: Buffer | null): Encoder;
  writeBuffer(value: Buffer): Encoder;
}

const KafkajsEncoder = require('kafkajs/src/protocol/encoder') as new () => Encoder;
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => Encoder;
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<Encoder>;
};

/** Where in a batch its flags are, and its count. */
const [FLAGS_AT, LAST_DELTA_AT, COUNT_AT] = [21, 23, 57];

export interface BatchSpec {
  readonly firstOffset: number;
  readonly records: readonly {
    readonly key?: Buffer | null | undefined;
    readonly value?: Buffer | null | undefined;
    readonly headers?: Readonly<Record<string, Buffer | Buffer[]>>;
    /** ms after the first */
    readonly timestampDelta?: number;
    /** Its place, where compaction has left some out. */
    readonly offsetDelta?: number;
  }[];
  readonly firstTimestamp?: number;
  readonly maxTimestamp?: number;
  readonly isAppendTime?: boolean;
  /** The protocol's number. */
  readonly compression?: number;
  readonly producerId?: number;
  readonly isControl?: boolean;
  /** Where compaction has left out the last ones. */
  readonly lastOffsetDelta?: number;
}

/** A batch as a log has it, written by kafkajs' encoder. */
export async function batchOf(spec: BatchSpec): Promise<Buffer> {
  const { records, isAppendTime = false, isControl = false, producerId = -1, ...more } = spec;
  const encoded = records.map(({ key, value, ...rest }, index) =>
    encodeRecord({ offsetDelta: index, key: key ?? null, value: value ?? null, ...rest }),
  );
  const transactional = producerId >= 0;
  const { buffer } = await RecordBatch({
    lastOffsetDelta: records.length - 1,
    transactional,
    ...more,
    ...(transactional && { producerId }),
    records: encoded,
  });
  const flags = buffer.readInt16BE(FLAGS_AT) | (isAppendTime ? 0x08 : 0) | (isControl ? 0x20 : 0);
  buffer.writeInt16BE(flags, FLAGS_AT);
  return Buffer.from(buffer);
}

/** A batch of which compaction has left nothing but its header. */
export async function emptyBatch(firstOffset: number, lastOffsetDelta: number): Promise<Buffer> {
  const batch = (await batchOf({ firstOffset, records: [{}] })).subarray(0, COUNT_AT + 4);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(lastOffsetDelta, LAST_DELTA_AT);
  batch.writeInt32BE(0, COUNT_AT);
  return batch;
}

/** A message in a format from before Kafka 0.11. */
export function oldMessage(spec: {
  readonly offset: number;
  readonly magic: 0 | 1;
  readonly flags?: number;
  readonly timestamp?: number;
  readonly key?: Buffer | null;
  readonly value: Buffer | null;
}): Buffer {
  const { offset, magic, flags = 0, timestamp = 0, key = null, value } = spec;
  const body = new KafkajsEncoder().writeInt32(0).writeInt8(magic).writeInt8(flags);
  if (magic === 1) body.writeInt64(timestamp);
  body.writeBytes(key).writeBytes(value);
  return new KafkajsEncoder().writeInt64(offset).writeBytes(body.buffer).buffer;
}

export interface PartitionSpec {
  readonly partition: number;
  readonly errorCode?: number;
  readonly highWatermark?: number;
  readonly aborted?: readonly { readonly producerId: number; readonly firstOffset: number }[] | null;
  readonly preferredReadReplica?: number;
  readonly records: Buffer;
}

/** The answer to a fetch of that version. */
export function fetchAnswer(
  version: number,
  topics: Readonly<Record<string, readonly PartitionSpec[]>>,
  throttleMs = 0,
): Buffer {
  const answer = new KafkajsEncoder().writeInt32(throttleMs);
  if (version >= 7) answer.writeInt16(0).writeInt32(0);
  answer.writeInt32(Object.keys(topics).length);
  for (const [topic, partitions] of Object.entries(topics)) {
    answer.writeString(topic).writeInt32(partitions.length);
    for (const one of partitions) writePartition(answer, version, one);
  }
  return Buffer.from(answer.buffer);
}

function writePartition(answer: Encoder, version: number, spec: PartitionSpec): void {
  const { partition, errorCode = 0, highWatermark = 100, aborted = null, preferredReadReplica = -1, records } = spec;
  answer.writeInt32(partition).writeInt16(errorCode).writeInt64(highWatermark).writeInt64(highWatermark);
  if (version >= 5) answer.writeInt64(0);
  answer.writeInt32(aborted?.length ?? -1);
  for (const { producerId, firstOffset } of aborted ?? []) answer.writeInt64(producerId).writeInt64(firstOffset);
  if (version >= 11) answer.writeInt32(preferredReadReplica);
  answer.writeInt32(records.length).writeBuffer(records);
}
