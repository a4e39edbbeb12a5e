import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import * as kafkajs from 'kafkajs';
import type { Message } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '../../../lib/core/message.js';
import { registerCodecs } from '../../../lib/driver/kafkajs/codecs/register-codecs.js';
import { pinned, toMessages, type Placed } from '../../../lib/driver/kafkajs/produce/to-messages.js';

const require = createRequire(import.meta.url);
const group = require('kafkajs/src/producer/groupMessagesPerPartition') as (asked: {
  readonly topic: string;
  readonly partitionMetadata: readonly object[];
  readonly messages: readonly Message[];
  readonly partitioner: typeof pinned;
}) => Record<number, Message[]>;
const produce = require('kafkajs/src/protocol/requests/produce/v7/request') as (asked: object) => {
  encode(): Promise<{ readonly buffer: Buffer }>;
};

const NOW = 1_790_000_000_000;

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

async function requestOf(messages: Message[], compression = 0): Promise<Buffer> {
  const groups = group({ topic: 't', partitionMetadata: [{}], messages, partitioner: pinned });
  const partitions = Object.entries(groups).map(([partition, own]) => ({
    partition: Number(partition),
    firstSequence: 0,
    messages: own,
  }));
  const topicData = [{ topic: 't', partitions }];
  return (await produce({ acks: -1, timeout: 1_000, compression, topicData }).encode()).buffer;
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

describe('messages for kafkajs', () => {
  it('are written as kafkajs would write them one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(placed, { minLength: 1, maxLength: 40 }), async (batch) => {
        expect(await requestOf(toMessages(batch, NOW))).toEqual(await requestOf(plain(batch)));
      }),
    );
  });

  it('are written so again, when kafkajs repeats a request', async () => {
    const batch = [1, 2, 3].map((n) => ({ partition: n % 2, record: recordOf({ value: Buffer.from([n]) }) }));
    const messages = toMessages(batch, NOW);
    const first = await requestOf(messages);
    expect(await requestOf(messages)).toEqual(first);
  });

  it('are compressed like those of kafkajs', async () => {
    registerCodecs(kafkajs);
    const batch = [1, 2, 3].map((n) => ({ partition: 0, record: recordOf({ value: Buffer.alloc(1_000, n) }) }));
    const records = async (messages: Message[]) => {
      const request = await requestOf(messages, kafkajs.CompressionTypes.GZIP);
      return gunzipSync(request.subarray(request.indexOf(Buffer.from([0x1f, 0x8b]))));
    };
    expect(await records(toMessages(batch, NOW))).toEqual(await records(plain(batch)));
  });

  it('keep repeated headers', async () => {
    const headers = [
      ['a', Buffer.from('1')],
      ['a', Buffer.from('2')],
    ] as const;
    const request = await requestOf(toMessages([{ partition: 0, record: recordOf({ headers }) }], NOW));
    expect(request.toString('latin1')).toContain('\u0002a\u00021\u0002a\u00022');
  });

  it('are messages to a tracer that writes headers into them, or copies them', async () => {
    const batch = [1, 2, 3].map((n) => ({ partition: n % 2, record: recordOf({ value: Buffer.from([n]) }) }));
    const traced = (messages: Message[]) => {
      for (const message of messages) message.headers = { ...message.headers, traceparent: '00-1' };
      return messages;
    };
    const expected = await requestOf(traced(plain(batch)));
    expect(await requestOf(traced(toMessages(batch, NOW)))).toEqual(expected);
    expect(await requestOf(traced([...toMessages(batch, NOW)]))).toEqual(expected);
  });

  it('have the first and the last time of their batch, of whatever length these are', async () => {
    const batch = [5_000, 900, 1_790_000_000_000].map((timestamp) => ({
      partition: 0,
      record: recordOf({ timestamp }),
    }));
    const request = await requestOf(toMessages(batch, NOW));
    const times = Buffer.alloc(16);
    times.writeBigInt64BE(900n, 0);
    times.writeBigInt64BE(1_790_000_000_000n, 8);
    expect(request.includes(times)).toBe(true);
  });
});

function recordOf(own: Partial<OutgoingRecord>): OutgoingRecord {
  return { topic: 't', key: null, value: null, headers: [], ...own };
}
