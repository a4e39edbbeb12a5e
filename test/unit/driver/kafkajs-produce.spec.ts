import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import * as kafkajs from 'kafkajs';
import type { Message } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '../../../lib/core/message.js';
import { registerCodecs } from '../../../lib/driver/kafkajs/codecs/register-codecs.js';
import { batchAt } from '../../../lib/driver/kafkajs/fetch/record-batch.js';
import type { KafkajsBroker } from '../../../lib/driver/kafkajs/kafkajs.internals.js';
import { producersOf } from '../../../lib/driver/kafkajs/produce/create-producer.js';
import { encodeRequest, type ProduceRequest } from '../../../lib/driver/kafkajs/produce/encode-request.js';
import { pinned, toMessages, type Placed } from '../../../lib/driver/kafkajs/produce/to-messages.js';
import { kafkajsBroker, type Question } from '../../support/kafkajs-broker.js';

const require = createRequire(import.meta.url);
const group = require('kafkajs/src/producer/groupMessagesPerPartition') as (asked: {
  readonly topic: string;
  readonly partitionMetadata: readonly object[];
  readonly messages: readonly Message[];
  readonly partitioner: typeof pinned;
}) => Record<number, Message[]>;
const Encoder = require('kafkajs/src/protocol/encoder') as new () => ResponseEncoder;

interface ResponseEncoder {
  readonly buffer: Buffer;
  writeInt16(value: number): ResponseEncoder;
  writeInt32(value: number): ResponseEncoder;
  writeInt64(value: number): ResponseEncoder;
  writeString(value: string): ResponseEncoder;
}

const NOW = 1_790_000_000_000;
const VERSIONS = [3, 4, 5, 6, 7];
/** Where the first batch of a request to one topic of one letter begins, and where it has its last time. */
const [BATCH_AT, MAX_TIMESTAMP_AT] = [27, 35];
const codecs = registerCodecs(kafkajs);

/** What kafkajs would be given of these. */
function plain(batch: readonly Placed[]): Message[] {
  return batch.map(({ record: { key, value, headers, timestamp }, partition }) => ({
    key,
    value,
    partition: partition as number,
    timestamp: String(timestamp ?? NOW),
    headers: Object.fromEntries(headers),
  }));
}

/** What kafkajs asks a broker to write of messages. */
function requestOf(messages: readonly Message[], more: Partial<ProduceRequest> = {}): ProduceRequest {
  const groups = group({ topic: 't', partitionMetadata: [{}], messages, partitioner: pinned });
  const partitions = Object.entries(groups).map(([partition, own]) => ({
    partition: Number(partition),
    firstSequence: 7 + Number(partition),
    messages: own,
  }));
  const topicData = [{ topic: 't', partitions }];
  return { acks: -1, timeout: 1_000, compression: 0, producerId: -1, producerEpoch: 0, topicData, ...more };
}

const encode = (messages: readonly Message[], more?: Partial<ProduceRequest>) =>
  encodeRequest(requestOf(messages, more), codecs);

/** By kafkajs' own encoder. */
async function theirs(messages: readonly Message[], more?: Partial<ProduceRequest>, version = 7): Promise<Buffer> {
  const ask = require(`kafkajs/src/protocol/requests/produce/v${version}/request`) as (asked: ProduceRequest) => {
    encode(): Promise<{ readonly buffer: Buffer }>;
  };
  return (await ask(requestOf(messages, more)).encode()).buffer;
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const placed: fc.Arbitrary<Placed> = fc.record({
  partition: fc.integer({ min: 0, max: 3 }),
  record: fc.record({
    topic: fc.constant('t'),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.uniqueArray(
      fc.tuple(
        fc.string({ unit: 'binary' }).map((name) => `h${name}`),
        bytes,
      ),
      {
        selector: ([name]) => name,
        maxLength: 3,
      },
    ),
    timestamp: fc.option(fc.integer({ min: 1_000_000_000_000, max: NOW + 10_000 }), { nil: undefined }),
  }),
});

const producer: fc.Arbitrary<Partial<ProduceRequest>> = fc.record(
  {
    acks: fc.constantFrom(-1, 0, 1),
    transactionalId: fc.string({ minLength: 1 }),
    producerId: fc.integer({ min: 0, max: 2 ** 45 }).map(String),
    producerEpoch: fc.integer({ min: 0, max: 2 ** 15 - 1 }),
  },
  { requiredKeys: [] },
);

describe('messages for kafkajs', () => {
  it.each(VERSIONS)('are written as kafkajs itself writes them, in a request of version %i', async (version) => {
    await fc.assert(
      fc.asyncProperty(fc.array(placed, { minLength: 1, maxLength: 40 }), producer, async (batch, more) => {
        const expected = await theirs(plain(batch), more, version);
        expect(await encode(toMessages(batch, NOW), more)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('are written so again, when kafkajs repeats a request', async () => {
    const batch = [1, 2, 3].map((n) => ({ partition: n % 2, record: recordOf({ value: Buffer.from([n]) }) }));
    const messages = toMessages(batch, NOW);
    const first = await encode(messages);
    expect(await encode(messages)).toEqual(first);
  });

  it('are written to all topics of a request', async () => {
    const messages = [{ value: Buffer.from('a'), timestamp: String(NOW) }];
    const topicData = ['t', 'ü'].map((topic) => ({
      topic,
      partitions: [3, 4].map((partition) => ({ partition, firstSequence: 0, messages })),
    }));
    expect(await encode([], { topicData })).toEqual(await theirs([], { topicData }));
  });

  it('are compressed like those of kafkajs', async () => {
    const batch = [1, 2, 3].map((n) => ({ partition: 0, record: recordOf({ value: Buffer.alloc(1_000, n) }) }));
    const gzip = { compression: kafkajs.CompressionTypes.GZIP };
    const records = (request: Buffer) => gunzipSync(request.subarray(request.indexOf(Buffer.from([0x1f, 0x8b]))));
    const [ours, expected] = [await encode(toMessages(batch, NOW), gzip), await theirs(plain(batch), gzip)];
    expect(records(ours)).toEqual(records(expected));
    expect(ours).toEqual(expected);
  });

  it('keep repeated headers', async () => {
    const headers = [
      ['a', Buffer.from('1')],
      ['a', Buffer.from('2')],
    ] as const;
    const request = await encode(toMessages([{ partition: 0, record: recordOf({ headers }) }], NOW));
    expect(request.toString('latin1')).toContain('\u0002a\u00021\u0002a\u00022');
  });

  it('are messages to a tracer that writes headers into them, or copies them', async () => {
    const batch = [1, 2, 3].map((n) => ({ partition: n % 2, record: recordOf({ value: Buffer.from([n]) }) }));
    const traced = (messages: Message[]) => {
      for (const message of messages) message.headers = { ...message.headers, traceparent: '00-1' };
      return messages;
    };
    const expected = await theirs(traced(plain(batch)));
    expect(await encode(traced(toMessages(batch, NOW)))).toEqual(expected);
    expect(await encode(traced([...toMessages(batch, NOW)]))).toEqual(expected);
  });

  it('are of now where a tracer leaves out a time', async () => {
    const before = Date.now();
    const messages = toMessages([{ partition: 0, record: recordOf({ timestamp: NOW }) }], NOW);
    const request = await encode([...messages, { value: null, partition: 0 }]);
    expect(batchAt(request, BATCH_AT)?.firstTimestamp).toBe(NOW);
    expect(Number(request.readBigInt64BE(BATCH_AT + MAX_TIMESTAMP_AT))).toBeGreaterThanOrEqual(before);
  });

  it('have the first and the last time of their batch, of whatever length these are', async () => {
    const batch = [5_000, 900, 1_790_000_000_000].map((timestamp) => ({
      partition: 0,
      record: recordOf({ timestamp }),
    }));
    const request = await encode(toMessages(batch, NOW));
    const times = Buffer.alloc(16);
    times.writeBigInt64BE(900n, 0);
    times.writeBigInt64BE(1_790_000_000_000n, 8);
    expect(request.includes(times)).toBe(true);
  });
});

describe("kafkajs' producer", () => {
  const batch = [1, 2, 3].map((n) => ({ partition: n % 2, record: recordOf({ value: Buffer.from([n]) }) }));

  it('has its requests encoded in one piece', async () => {
    const { producer: own, asked } = await start(7);
    await own.send({ topic: 't', messages: toMessages(batch, NOW) });
    await own.send({ topic: 't', messages: toMessages(batch, NOW), acks: 1, timeout: 5_000 });
    const first = requestOf(plain(batch), { timeout: 30_000 });
    const expected = [first, { ...first, acks: 1, timeout: 5_000 }].map((request) => unnumbered(request));
    const written = asked.map(({ buffer }) => buffer);
    expect(written).toEqual(await Promise.all(expected.map((request) => encodeRequest(request, codecs))));
    expect(asked.map(({ buf }) => buf.length)).toEqual(written.map(({ length }) => length)); // kafkajs' own has room
  });

  it('waits for an answer, unless it is told not to', async () => {
    const { producer: own, questions } = await start(7);
    for (const acks of [1, 0, -1]) await own.send({ topic: 't', messages: toMessages(batch, NOW), acks });
    expect(questions.map(({ request }) => request.expectResponse())).toEqual([true, false, true]);
  });

  it('keeps nothing of what was sent first', async () => {
    const { producer: own, kept } = await start(7);
    for (const one of [batch, batch.slice(1)]) await own.send({ topic: 't', messages: toMessages(one, NOW) });
    expect(kept).toEqual([{ topicData: [] }, { topicData: [] }]);
  });

  it('asks each broker by a version that it knows', async () => {
    const { producer: own, asked } = await start(7, 2);
    await own.send({ topic: 't', messages: toMessages(batch, NOW) });
    const inOnePiece = asked.map(({ version, buf, buffer }) => [version, buf.length === buffer.length]);
    expect(inOnePiece).toEqual([
      [7, true],
      [2, false],
    ]);
  });

  it('reads the answer as kafkajs does', async () => {
    const { producer: own } = await start(7);
    const answer = await own.send({ topic: 't', messages: toMessages(batch, NOW) });
    expect(answer).toMatchObject([{ topicName: 't', partition: 0, errorCode: 0, baseOffset: '42' }]);
  });

  it('writes the older format to a broker from before Kafka 0.11, by itself', async () => {
    const { producer: own, asked } = await start(2);
    for (const one of [batch, batch.slice(1)]) await own.send({ topic: 't', messages: toMessages(one, NOW) });
    const expected = [batch, batch.slice(1)].map((one) => theirs(plain(one), { timeout: 30_000 }, 2));
    expect(asked.map(({ buffer }) => buffer)).toEqual(await Promise.all(expected));
  });

  it('is not made by another kafkajs', () => {
    expect(() => producersOf({ producer() {} } as unknown as kafkajs.Kafka, kafkajs)).toThrow(
      'kafkajs lacks private:Kafka:createCluster inside. Install the version that this library is made for',
    );
  });

  it('is made by this one', () => {
    expect(() => producersOf(nowhere(), kafkajs)({})).not.toThrow();
  });
});

/** kafkajs' own producer, on a cluster of brokers that take requests of up to these versions, and lead partitions in turn. */
async function start(...produceVersions: readonly number[]) {
  const asked: { readonly version: number; readonly buf: Buffer; readonly buffer: Buffer }[] = [];
  const questions: Question[] = [];
  const kept: unknown[] = [];
  const brokers = produceVersions.map((version) =>
    kafkajsBroker(
      async (params, question) => {
        kept.push(params);
        questions.push(question);
        const { buf, buffer } = await question.request.encode();
        asked.push({ version, buf, buffer });
        return produceAnswer(version);
      },
      { produceVersion: version },
    ),
  );
  const client = nowhere();
  const [create] = Object.getOwnPropertySymbols(client).filter(({ description }) =>
    description?.endsWith('createCluster'),
  );
  Object.assign(client, { [create as symbol]: () => clusterOf(brokers) });
  const own = producersOf(client, kafkajs)({});
  await own.connect();
  return { producer: own, asked, questions, kept };
}

function nowhere(): kafkajs.Kafka {
  return new kafkajs.Kafka({ brokers: ['127.0.0.1:1'], logLevel: kafkajs.logLevel.NOTHING });
}

function clusterOf(brokers: readonly KafkajsBroker[]): object {
  return {
    connect: async () => {},
    isConnected: () => true,
    refreshMetadataIfNecessary: async () => {},
    addMultipleTargetTopics: async () => {},
    findTopicPartitionMetadata: () => [{ partitionId: 0 }, { partitionId: 1 }],
    findLeaderForPartitions(_: string, partitions: readonly string[]) {
      const led: Record<number, number[]> = {};
      for (const partition of partitions.map(Number)) (led[partition % brokers.length] ??= []).push(partition);
      return led;
    },
    findBroker: async ({ nodeId }: { readonly nodeId: string }) =>
      Object.assign(brokers[Number(nodeId)] as object, { nodeId }),
    findGroupCoordinator: async () => brokers[0],
    fetchTopicsOffset: async () => [],
    disconnect: async () => {},
  };
}

/** A producer that is not idempotent has no sequence. */
function unnumbered(request: ProduceRequest): ProduceRequest {
  const topicData = request.topicData.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((one) => ({ ...one, firstSequence: 0 })),
  }));
  return { ...request, topicData };
}

/** Of partition 0, written from offset 42 on. */
function produceAnswer(version: number): Buffer {
  const answer = new Encoder().writeInt32(1).writeString('t').writeInt32(1);
  answer.writeInt32(0).writeInt16(0).writeInt64(42).writeInt64(-1);
  if (version >= 5) answer.writeInt64(0); // where the log begins
  return answer.writeInt32(0).buffer;
}

function recordOf(own: Partial<OutgoingRecord>): OutgoingRecord {
  return { topic: 't', key: null, value: null, headers: [], ...own };
}
