import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import * as kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../lib/core/delivery.js';
import type { OversizedBatchError } from '../../../lib/core/oversized-batch.error.js';
import { registerCodecs } from '../../../lib/driver/kafkajs/codecs/register-codecs.js';
import { decodeFetch, type DecodedFetch } from '../../../lib/driver/kafkajs/fetch/decode-fetch.js';
import { FetchedRecords } from '../../../lib/driver/kafkajs/fetch/fetched-records.js';
import { WireReader } from '../../../lib/driver/kafkajs/wire/wire-reader.js';
import {
  batchOf,
  emptyBatch,
  fetchAnswer,
  oldMessage,
  type BatchSpec,
  type PartitionSpec,
} from '../../support/kafka-answers.js';

const require = createRequire(import.meta.url);
const codecs = registerCodecs(kafkajs);
const VERSIONS = [4, 5, 6, 7, 8, 9, 10, 11];
const GZIP = 1;
const PARTITION = { topic: 't', index: 0 };
const text = (value: string) => Buffer.from(value);

interface Read {
  readonly deliveries: Delivery[];
  readonly lastOffset: number | undefined;
  readonly errors: OversizedBatchError[];
}

async function decode(answer: Buffer, version = 11, maxBytes?: number, errors: OversizedBatchError[] = []) {
  return decodeFetch(answer, version, { codecs, maxBytes, onOversized: (error) => errors.push(error) });
}

/** What is handed over of one partition. */
async function read(
  partition: Omit<PartitionSpec, 'partition'>,
  { from = 0, maxBytes = 1_000_000 } = {},
): Promise<Read> {
  const errors: OversizedBatchError[] = [];
  const answer = fetchAnswer(11, { t: [{ partition: 0, ...partition }] });
  const [one] = partitionsOf(await decode(answer, 11, maxBytes, errors));
  if (!one) throw new Error('the partition is left out');
  return { deliveries: all(new FetchedRecords(one.batches, from)), lastOffset: one.lastOffset, errors };
}

const partitionsOf = ({ responses }: DecodedFetch) => responses.flatMap(({ partitions }) => partitions);
const all = (records: FetchedRecords) => Array.from({ length: records.count }, (_, at) => records.at(at, PARTITION));
const values = ({ deliveries }: Read) => deliveries.map(({ value }) => String(value));
const batches = async (...specs: readonly BatchSpec[]) => Buffer.concat(await Promise.all(specs.map(batchOf)));

describe('the answer to a fetch', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const filled = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array));
  const spec: fc.Arbitrary<BatchSpec> = fc.record({
    firstOffset: fc.integer({ min: 0, max: 2 ** 45 }),
    firstTimestamp: fc.integer({ min: 1, max: 2 ** 45 }),
    maxTimestamp: fc.integer({ min: 1, max: 2 ** 45 }),
    isAppendTime: fc.boolean(),
    compression: fc.constantFrom(0, GZIP),
    records: fc.array(
      fc.record({
        key: fc.option(filled),
        value: fc.option(bytes),
        timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        headers: fc.dictionary(
          fc.string({ unit: 'binary' }).map((name) => `h${name}`),
          bytes,
          { maxKeys: 3 },
        ),
      }),
      { minLength: 1, maxLength: 20 },
    ),
  });

  it.each(VERSIONS)('of version %i says what kafkajs reads of it', async (version) => {
    const { decode: theirs } = require(`kafkajs/src/protocol/requests/fetch/v${version}/response`) as {
      decode(answer: Buffer): Promise<{
        readonly clientSideThrottleTime?: number;
        readonly responses: readonly {
          readonly topicName: string;
          readonly partitions: readonly (kafkajs.Batch & { readonly messages: readonly kafkajs.KafkaMessage[] })[];
        }[];
      }>;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(spec, { minLength: 1, maxLength: 3 }), async (specs) => {
        const records = await batches(...specs);
        const answer = fetchAnswer(version, { t: [{ partition: 3, records, highWatermark: 2 ** 46 }] }, 7);
        const ours = await decode(answer, version);
        const expected = await theirs(answer);
        expect(ours.clientSideThrottleTime).toBe(expected.clientSideThrottleTime ?? 0);
        expect(ours.responses).toMatchObject([
          { topicName: 't', partitions: [{ partition: 3, errorCode: 0, highWatermark: String(2 ** 46) }] },
        ]);
        const handed = partitionsOf(ours).flatMap(({ batches: own }) => all(new FetchedRecords(own, 0)));
        expect(handed.map(plain)).toEqual(expected.responses[0]?.partitions[0]?.messages.map(plain));
      }),
      { numRuns: 30 },
    );
  });

  it('tells a failure, a throttling and a replica to ask instead, and leaves out partitions with nothing', async () => {
    const nothing = Buffer.alloc(0);
    const answer = fetchAnswer(
      11,
      {
        t: [
          { partition: 0, records: nothing },
          { partition: 1, records: nothing, errorCode: 6 },
          { partition: 2, records: nothing, preferredReadReplica: 9 },
        ],
        u: [{ partition: 0, records: nothing }],
      },
      250,
    );
    const decoded = await decode(answer);
    expect(decoded.clientSideThrottleTime).toBe(250);
    expect(decoded.responses).toMatchObject([
      {
        topicName: 't',
        partitions: [
          { partition: 1, errorCode: 6 },
          { partition: 2, preferredReadReplica: 9, lastOffset: undefined },
        ],
      },
      { topicName: 'u', partitions: [] },
    ]);
  });

  it.each([3, 12])('of version %i is refused', async (version) => {
    await expect(decode(fetchAnswer(11, {}), version)).rejects.toThrow(`Fetches of version ${version}`);
  });
});

describe('a number of 64 bits', () => {
  it.each([0n, 1n, -1n, 2n ** 32n - 1n, 2n ** 32n, -(2n ** 32n) - 5n, 2n ** 53n - 1n, -(2n ** 63n), 2n ** 63n - 1n])(
    'is read, as exact as a number is: %s',
    (value) => {
      const bytes = Buffer.alloc(9);
      bytes.writeBigInt64BE(value, 1);
      const reader = new WireReader(bytes, 1);
      expect([reader.int64(), reader.left]).toEqual([Number(value), 0]);
    },
  );
});

describe('the records of a fetch', () => {
  const abc = (firstOffset: number, more: Partial<BatchSpec> = {}): BatchSpec => ({
    firstOffset,
    records: ['a', 'b', 'c'].map((name) => ({ value: text(`${name}${firstOffset}`) })),
    ...more,
  });

  it('begin at the offset that was asked for, in the midst of a batch too', async () => {
    const records = await batches(abc(10), abc(13));
    expect(values(await read({ records }, { from: 12 }))).toEqual(['c10', 'a13', 'b13', 'c13']);
    expect(values(await read({ records }, { from: 13 }))).toEqual(['a13', 'b13', 'c13']);
    expect(await read({ records }, { from: 16 })).toMatchObject({ deliveries: [], lastOffset: 15 });
  });

  it('may be asked for again, one at a time', async () => {
    const records = await batches(abc(0));
    const [one] = partitionsOf(await decode(fetchAnswer(11, { t: [{ partition: 0, records }] })));
    const fetched = new FetchedRecords(one?.batches ?? [], 0);
    expect(fetched.count).toBe(3);
    expect([0, 0, 1, 1, 2].map((at) => String(fetched.at(at, PARTITION).value))).toEqual([
      'a0',
      'a0',
      'b0',
      'b0',
      'c0',
    ]);
  });

  it('end where the fetch has cut off its last batch', async () => {
    const whole = await batches(abc(0), abc(3));
    for (const cut of [1, 60, whole.length / 2 - 1]) {
      const { deliveries, lastOffset } = await read({ records: whole.subarray(0, whole.length - cut) });
      expect([deliveries.length, lastOffset]).toEqual([3, 2]);
    }
  });

  it('have the holes that compaction leaves, and are read on behind them', async () => {
    const left = { firstOffset: 5, records: [{ value: text('x'), offsetDelta: 2 }], lastOffsetDelta: 9 };
    expect(await read({ records: await batches(left) })).toMatchObject({
      deliveries: [{ offset: '7' }],
      lastOffset: 14,
    });
    expect(await read({ records: await emptyBatch(20, 4) })).toMatchObject({ deliveries: [], lastOffset: 24 });
  });

  it('may have more in them than is known today', async () => {
    const records = await batches({ firstOffset: 0, records: [{ value: text('a') }, { value: text('b') }] });
    const [first, rest] = [records.subarray(0, 61), records.subarray(61)];
    const size = (rest[0] as number) / 2; // a zigzag number of one byte
    const more = Buffer.concat([
      Buffer.from([2 * size + 2]),
      rest.subarray(1, 1 + size),
      Buffer.alloc(1),
      rest.subarray(1 + size),
    ]);
    const longer = Buffer.concat([first, more]);
    longer.writeInt32BE(longer.length - 12, 8);
    expect(await read({ records: longer })).toMatchObject({
      deliveries: [
        { offset: '0', key: null, value: text('a') },
        { offset: '1', key: null, value: text('b') },
      ],
    });
  });

  it('take an empty key for none, and keep repeated headers in their place', async () => {
    const headers = { a: [text('1'), text('2')], b: text('') };
    const records = await batches({
      firstOffset: 0,
      records: [{ key: Buffer.alloc(0), value: Buffer.alloc(0), headers }],
    });
    expect((await read({ records })).deliveries).toMatchObject([
      {
        key: null,
        value: Buffer.alloc(0),
        headers: [
          ['a', text('1')],
          ['a', text('2')],
          ['b', text('')],
        ],
      },
    ]);
  });

  it('are none of aborted transactions that overlap and are listed in the order of their end', async () => {
    const of = (firstOffset: number, producerId: number, more: Partial<BatchSpec> = {}): BatchSpec => ({
      firstOffset,
      producerId,
      records: [{ value: text(String(firstOffset)) }],
      ...more,
    });
    const records = await batches(
      of(0, 1),
      of(1, 2),
      of(2, 1),
      of(3, 2, { isControl: true }),
      of(4, 3),
      of(5, 1),
      of(6, 1, { isControl: true }),
      of(7, 1),
      { firstOffset: 8, records: [{ value: text('8') }] },
    );
    const aborted = [
      { producerId: 2, firstOffset: 1 },
      { producerId: 1, firstOffset: 0 },
    ];
    expect(values(await read({ records, aborted }))).toEqual(['4', '7', '8']);
    expect(values(await read({ records }))).toEqual(['0', '1', '2', '4', '5', '7', '8']);
  });

  it('are passed over, up to their end, when only marks of transactions are among them', async () => {
    const mark = { firstOffset: 4, producerId: 1, isControl: true, records: [{}] };
    expect(await read({ records: await batches(mark) })).toMatchObject({ deliveries: [], lastOffset: 4 });
  });

  it('of a batch that is too large are passed over with an error, and those around it are not', async () => {
    const large = {
      firstOffset: 3,
      compression: GZIP,
      records: [{ value: Buffer.alloc(5_000) }, { value: text('y') }],
    };
    const found = await read({ records: await batches(abc(0), large, abc(5)) }, { maxBytes: 4_000 });
    expect(values(found)).toEqual(['a0', 'b0', 'c0', 'a5', 'b5', 'c5']);
    expect(found.errors).toMatchObject([{ topic: 't', partition: 0, firstOffset: '3', lastOffset: '4' }]);
    expect((await read({ records: await batches(large) }, { maxBytes: 4_000 })).lastOffset).toBe(4);
    expect((await read({ records: await batches(large) }, { maxBytes: 6_000 })).deliveries).toHaveLength(2);
  });

  it.each([
    ['a count that is too high', 60, 9],
    ['a count that is too low', 60, 2],
    ['a format that nobody knows', 16, 3],
    ['a length that is too large', 11, 0xff],
    ['a length of a record', 61, 0x7e],
  ])('are refused when they are damaged: %s', async (_, at, byte) => {
    const records = await batches(abc(0));
    records[at] = byte;
    await expect(read({ records })).rejects.toThrow(/^Topic `t`, partition 0: a batch of messages is damaged: /);
  });

  it('are refused when a length of a batch cannot be', async () => {
    for (const length of [-13, 0, 40]) {
      const records = await batches(abc(0));
      records.writeInt32BE(length, 8);
      await expect(read({ records })).rejects.toThrow('is damaged: it has');
    }
  });

  it('are refused when one of them has no length', async () => {
    const records = Buffer.concat([await batches(abc(0)), Buffer.alloc(1)]);
    records.writeInt32BE(records.length - 12, 8);
    records.writeInt32BE(4, 57);
    await expect(read({ records })).rejects.toThrow('is damaged: 4 records take');
  });

  it('are handed over up to the damage', async () => {
    const [good, damaged] = [await batches(abc(0)), await batches(abc(3))];
    damaged.writeInt32BE(9, 57);
    expect(await read({ records: Buffer.concat([good, damaged]) })).toMatchObject({ lastOffset: 2 });
    damaged.writeInt32BE(-1, 8);
    expect(values(await read({ records: Buffer.concat([good, damaged]) }))).toEqual(['a0', 'b0', 'c0']);
  });

  it('are refused when what is compressed is damaged', async () => {
    const records = await batches(abc(0, { compression: GZIP }));
    records.fill(0, 61);
    await expect(read({ records })).rejects.toMatchObject({
      code: 'BROKER',
      retryable: false,
      topic: 't',
      partition: 0,
    });
  });
});

describe('messages from before Kafka 0.11', () => {
  const old = (offset: number, magic: 0 | 1, value = `v${offset}`) =>
    oldMessage({ offset, magic, value: text(value), timestamp: 1_000 + offset, key: text('k') });

  it.each([
    [0, -1],
    [1, 1_004],
  ] as const)('are read in format %i', async (magic, timestamp) => {
    const records = Buffer.concat([old(3, magic), old(4, magic), old(5, magic).subarray(0, 20)]);
    const found = await read({ records }, { from: 4 });
    expect(found).toMatchObject({
      lastOffset: 4,
      deliveries: [{ offset: '4', key: text('k'), value: text('v4'), headers: [], timestamp, deliveries: 1 }],
    });
  });

  it('are left to the next fetch behind a batch of today', async () => {
    const today = await batchOf({ firstOffset: 2, records: [{ value: text('today') }] });
    for (const value of ['x'.repeat(100), '\0'.repeat(27)]) {
      const found = await read({
        records: Buffer.concat([today, oldMessage({ offset: 3, magic: 1, value: text(value) })]),
      });
      expect([values(found), found.lastOffset]).toEqual([['today'], 2]);
    }
  });

  it('are refused when a length cannot be', async () => {
    const records = old(3, 1);
    records.writeInt32BE(-12, 8);
    await expect(read({ records })).rejects.toThrow('is damaged: it has 0 bytes');
  });

  it('have offsets of their own inside of a compressed one in format 0, and count within it in format 1', async () => {
    const inside = (magic: 0 | 1, first: number) => gzipSync(Buffer.concat([old(first, magic), old(first + 1, magic)]));
    const zero = oldMessage({ offset: 8, magic: 0, flags: GZIP, value: inside(0, 7) });
    const one = oldMessage({ offset: 10, magic: 1, flags: GZIP, value: inside(1, 0) });
    const found = await read({ records: Buffer.concat([zero, one]) });
    expect(found.deliveries.map(({ offset }) => offset)).toEqual(['7', '8', '9', '10']);
    expect(found.lastOffset).toBe(10);
  });

  it('have the time of the compressed one where the broker stamped it', async () => {
    const value = gzipSync(Buffer.concat([old(0, 1), old(1, 1)]));
    const records = oldMessage({ offset: 1, magic: 1, flags: GZIP | 0x08, timestamp: 77, value });
    expect((await read({ records })).deliveries.map(({ timestamp }) => timestamp)).toEqual([77, 77]);
  });

  it('are passed over when they are too large, and leave a batch of today behind them to the next fetch', async () => {
    const large = oldMessage({ offset: 3, magic: 1, flags: GZIP, value: gzipSync(Buffer.alloc(5_000)) });
    const today = await batchOf({ firstOffset: 5, records: [{ value: text('today') }] });
    const found = await read({ records: Buffer.concat([large, old(4, 1), today]) }, { maxBytes: 4_000 });
    expect(values(found)).toEqual(['v4']);
    expect(found.lastOffset).toBe(4);
    expect(found.errors).toMatchObject([{ firstOffset: '3', lastOffset: '3' }]);
  });
});

/** Headers of a name once, as kafkajs has them. */
function plain(message: Delivery | kafkajs.KafkaMessage): object {
  const { offset, key, value, timestamp, headers } = message;
  const list = Array.isArray(headers) ? (headers as Delivery['headers']) : Object.entries(headers ?? {});
  return { offset, key, value, timestamp: Number(timestamp), headers: Object.fromEntries<unknown>(list) };
}
