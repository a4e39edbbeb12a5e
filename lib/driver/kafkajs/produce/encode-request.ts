import type { IHeaders, Message } from 'kafkajs';
import { NO_HEADERS, type HeaderList } from '../../../core/headers.js';
import { codecOf } from '../codecs/codec-name.js';
import type { Codec } from '../codecs/codec.js';
import type { Codecs } from '../codecs/register-codecs.js';
import { stringBytes, WireWriter } from '../wire/wire-writer.js';
import { batchBytes, writeBatch, type BatchOrigin, type BatchSpec } from './encode-batch.js';
import { encodeRecords } from './encode-records.js';

/** What kafkajs asks a broker to write. */
export interface ProduceRequest {
  readonly acks: number;
  /** ms */
  readonly timeout: number;
  /** The number of a codec; 0 for none. */
  readonly compression: number;
  readonly transactionalId?: string | undefined;
  /** -1 for none. */
  readonly producerId: number | string;
  readonly producerEpoch: number;
  readonly topicData: readonly TopicData[];
}

interface TopicData {
  readonly topic: string;
  readonly partitions: readonly PartitionData[];
}

interface PartitionData {
  readonly partition: number;
  readonly firstSequence: number;
  readonly messages: readonly Message[];
}

interface TopicBatches {
  readonly topic: string;
  readonly batches: readonly PartitionBatch[];
}

interface PartitionBatch extends BatchSpec {
  readonly partition: number;
}

/** The request of the versions 3 to 7, which are alike, behind the header that all requests have. */
export async function encodeRequest(request: ProduceRequest, codecs: Codecs): Promise<Buffer> {
  const { acks, timeout, transactionalId } = request;
  const topics = await batchesOf(request, codecs);
  const bytes = topics.reduce((sum, topic) => sum + topicBytes(topic), stringBytes(transactionalId) + 10);
  const target = Buffer.allocUnsafe(bytes);
  const writer = new WireWriter(target);
  writer.string(transactionalId);
  writer.int16(acks);
  writer.int32(timeout);
  writer.int32(topics.length);
  const origin = originOf(request);
  for (const topic of topics) writeTopic(writer, topic, origin);
  return target;
}

async function batchesOf({ compression, topicData }: ProduceRequest, codecs: Codecs): Promise<TopicBatches[]> {
  const name = codecOf(compression);
  const codec = name && (await codecs.load(name));
  const topics: TopicBatches[] = [];
  for (const { topic, partitions } of topicData) {
    const batches: PartitionBatch[] = [];
    for (const one of partitions) batches.push(codec ? await compressed(batchOf(one), codec) : batchOf(one));
    topics.push({ topic, batches });
  }
  return topics;
}

function batchOf({ partition, firstSequence, messages }: PartitionData): PartitionBatch {
  const now = Date.now(); // for a time that a tracer has left out
  const times = messages.map(({ timestamp }) => Number(timestamp ?? now));
  const firstTimestamp = Math.min(...times);
  const records = encodeRecords(
    messages.map(({ key, value, headers }, index) => ({
      key: key as Buffer | null,
      value: value as Buffer | null,
      headers: headers ? toList(headers) : NO_HEADERS,
      offsetDelta: index,
      timestampDelta: (times[index] as number) - firstTimestamp,
    })),
  );
  return {
    partition,
    firstSequence,
    records,
    count: messages.length,
    firstTimestamp,
    maxTimestamp: Math.max(...times),
  };
}

async function compressed(batch: PartitionBatch, codec: Codec): Promise<PartitionBatch> {
  return { ...batch, records: await codec.compress(batch.records) };
}

function originOf({ compression, transactionalId, producerId, producerEpoch }: ProduceRequest): BatchOrigin {
  return { compression, isTransactional: transactionalId !== undefined, producerId: Number(producerId), producerEpoch };
}

function topicBytes({ topic, batches }: TopicBatches): number {
  return batches.reduce((sum, batch) => sum + 8 + batchBytes(batch), stringBytes(topic) + 4);
}

function writeTopic(writer: WireWriter, { topic, batches }: TopicBatches, origin: BatchOrigin): void {
  writer.string(topic);
  writer.int32(batches.length);
  for (const batch of batches) {
    writer.int32(batch.partition);
    writer.int32(batchBytes(batch));
    writeBatch(writer, batch, origin);
  }
}

/** Tracers add texts. */
function toList(headers: IHeaders): HeaderList {
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => [name, Buffer.from(value ?? '')] as const),
  );
}
