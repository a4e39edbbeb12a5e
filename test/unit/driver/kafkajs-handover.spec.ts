import * as kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { registerCodecs } from '../../../lib/driver/kafkajs/codecs/register-codecs.js';
import { Handover } from '../../../lib/driver/kafkajs/fetch/handover.js';
import { hookFetch, type FetchHooks } from '../../../lib/driver/kafkajs/fetch/hook-fetch.js';
import type {
  AskedOfBroker,
  FetchResponse,
  KafkajsBroker,
  KafkajsCluster,
} from '../../../lib/driver/kafkajs/kafkajs.internals.js';
import { batchOf, fetchAnswer } from '../../support/kafka-answers.js';

const P0 = { topic: 't', partition: 0 };

describe('what is handed over before kafkajs takes note of it', () => {
  const start = () => {
    const told: number[] = [];
    return { told, handover: new Handover(({ partition }) => told.push(partition)) };
  };

  it('is paused at kafkajs afterwards, what is not in hand at once', () => {
    const { told, handover } = start();
    expect(handover.begin(P0, 5, 5)).toBe(true);
    handover.pause(P0);
    handover.pause({ topic: 't', partition: 1 });
    expect(told).toEqual([1]);
    handover.end(P0);
    expect(told).toEqual([1, 0]);
  });

  it('is not paused any more when it was resumed meanwhile', () => {
    const { told, handover } = start();
    handover.begin(P0, 5, 5);
    handover.pause(P0);
    handover.resume(P0);
    handover.end(P0);
    expect([told, handover.hasPaused]).toEqual([[], false]);
  });

  it('is nothing of a paused partition, nor of an older generation', () => {
    const { handover } = start();
    handover.begin(P0, 5, 5);
    handover.pause(P0);
    expect(handover.begin(P0, 9, 4)).toBe(false);
    expect(handover.offsetOf(P0)).toBe(5);
    handover.reset();
    expect(handover.offsetOf(P0)).toBe(0);
    expect(handover.begin(P0, 3, 3)).toBe(true);
  });

  it('is nothing in hand when there was nothing to handle', () => {
    const { told, handover } = start();
    handover.begin(P0, 5, 0);
    handover.pause(P0);
    expect(told).toEqual([0]);
  });
});

describe("kafkajs' fetch", () => {
  /** A cluster of one broker that answers each fetch with a batch of two messages from the offset 4 on. */
  const start = async (hooks: Partial<FetchHooks> = {}) => {
    const batch = await batchOf({
      firstOffset: 4,
      records: [{ value: Buffer.from('a') }, { value: Buffer.from('b') }],
    });
    const answer = fetchAnswer(11, { t: [{ partition: 0, records: batch }] });
    const newPool = () => ({ send: async ({ response }: AskedOfBroker) => response.decode(answer) });
    const theirs = async () => {
      throw new Error("kafkajs' own decoder was asked");
    };
    const broker = {
      connectionPool: newPool(),
      async fetch(): Promise<FetchResponse> {
        const asked = { request: { apiKey: 1, apiVersion: 11 }, response: { decode: theirs } };
        return (await broker.connectionPool.send(asked)) as FetchResponse;
      },
    };
    const handed: string[] = [];
    const cluster = { findBroker: async () => broker as KafkajsBroker } as unknown as KafkajsCluster;
    hookFetch(cluster, {
      assertAlive: () => {},
      beforeFetch: async () => {},
      generation: () => 3,
      maxWaitMs: () => 1,
      bound: { codecs: registerCodecs(kafkajs), maxBytes: undefined, onOversized: () => {} },
      handedTo: () => 0,
      handOver: (from, next, records) => {
        const partition = { topic: from.topic, index: from.partition };
        const offsets = Array.from({ length: records.count }, (_, at) => records.at(at, partition).offset);
        handed.push(`${offsets.join()} next ${next}`);
        return true;
      },
      ...hooks,
    });
    const fetchFrom = async (fetchOffset: number) => {
      const found = await cluster.findBroker({});
      return found.fetch({
        topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: String(fetchOffset) }] }],
      });
    };
    return { broker, newPool, handed, fetchFrom };
  };
  const standIns = ({ responses }: FetchResponse) => responses.flatMap(({ partitions }) => partitions[0]?.messages);

  it('hands over from the offset that was asked for, and gives kafkajs one message for all', async () => {
    const { fetchFrom, handed } = await start();
    const standIn = { offset: '5', generation: 3, isHandedOver: true, isControlRecord: false };
    expect(standIns(await fetchFrom(4))).toEqual([standIn]);
    expect(standIns(await fetchFrom(5))).toEqual([standIn]);
    expect(handed).toEqual(['4,5 next 6', '5 next 6']);
  });

  it('hands over nothing again, and moves kafkajs on', async () => {
    let to = 5;
    const { fetchFrom, handed } = await start({ handedTo: () => to });
    await fetchFrom(4);
    to = 6;
    expect(standIns(await fetchFrom(4))).toMatchObject([{ offset: '5', isControlRecord: true }]);
    expect(handed).toEqual(['5 next 6', ' next 6']);
  });

  it('tells kafkajs what is to be fetched again', async () => {
    const { fetchFrom } = await start({ handOver: () => false });
    expect(standIns(await fetchFrom(4))).toMatchObject([{ offset: '5', isHandedOver: false, isControlRecord: false }]);
  });

  it('brings nothing that lies before what was asked for', async () => {
    const { fetchFrom, handed } = await start();
    expect(standIns(await fetchFrom(6))).toEqual([]);
    expect(handed).toEqual([]);
  });

  it('brings nothing to a member that has rejoined meanwhile', async () => {
    let generation = 3;
    const { fetchFrom, handed } = await start({ generation: () => generation++ });
    expect(await fetchFrom(4)).toEqual({ responses: [] });
    expect(handed).toEqual([]);
  });

  it('is decoded here after a failed login too, which gives the broker other connections', async () => {
    const { broker, newPool, fetchFrom, handed } = await start();
    await fetchFrom(4);
    broker.connectionPool = newPool();
    await fetchFrom(4);
    expect(handed).toHaveLength(2);
  });
});
