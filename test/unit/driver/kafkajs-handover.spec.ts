import * as kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { registerCodecs } from '../../../lib/driver/kafkajs/codecs/register-codecs.js';
import { Handover } from '../../../lib/driver/kafkajs/fetch/handover.js';
import { hookFetch, type FetchHooks } from '../../../lib/driver/kafkajs/fetch/hook-fetch.js';
import type { FetchResponse } from '../../../lib/driver/kafkajs/kafkajs.internals.js';
import { batchOf, fetchAnswer, type PartitionSpec } from '../../support/kafka-answers.js';
import { kafkajsBroker } from '../../support/kafkajs-broker.js';

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

  it('is nothing of a paused partition', () => {
    const { handover } = start();
    handover.begin(P0, 5, 5);
    handover.pause(P0);
    expect(handover.begin(P0, 9, 4)).toBe(false);
    expect(handover.next(P0, 5)).toBe(5);
  });

  it('goes on where it was, whatever comes again, and leaves no gap', () => {
    const { handover } = start();
    expect(handover.next(P0, 0)).toBeUndefined(); // the group's position is not known yet
    handover.startAt(P0, 3);
    expect([0, 3, 4].map((asked) => handover.next(P0, asked))).toEqual([3, 3, undefined]);
    handover.begin(P0, 10, 7);
    handover.begin(P0, 5, 0); // a smaller answer to the same question
    expect([3, 10, 11].map((asked) => handover.next(P0, asked))).toEqual([10, 10, undefined]);
    handover.reset();
    expect(handover.next(P0, 0)).toBeUndefined();
  });

  it('is told of a pause at once again when kafkajs has taken note, and when the group was joined anew', () => {
    const { told, handover } = start();
    handover.begin(P0, 5, 5);
    handover.end(P0);
    handover.pause(P0);
    expect(told).toEqual([0]);
    handover.resume(P0);
    handover.begin(P0, 9, 4);
    handover.reset();
    handover.pause(P0);
    expect(told).toEqual([0, 0]);
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
  const start = async (hooks: Partial<FetchHooks> = {}, answer: Partial<PartitionSpec> = {}) => {
    const batch = await batchOf({
      firstOffset: 4,
      records: [{ value: Buffer.from('a') }, { value: Buffer.from('b') }],
    });
    const asked: { readonly maxWaitTime?: number; readonly requestTimeout: number }[] = [];
    const broker = kafkajsBroker(async ({ maxWaitTime = 0 }, { requestTimeout }) => {
      asked.push({ maxWaitTime, requestTimeout });
      return fetchAnswer(11, { t: [{ partition: 0, records: batch, ...answer }] });
    });
    const handed: string[] = [];
    hookFetch(broker, {
      assertAlive: () => {},
      beforeFetch: async () => {},
      generation: () => 3,
      maxWaitMs: () => 1,
      bound: { codecs: registerCodecs(kafkajs), maxBytes: undefined, onOversized: () => {} },
      next: (_, asked) => asked,
      handOver: (from, next, records) => {
        const partition = { topic: from.topic, index: from.partition };
        const offsets = Array.from({ length: records.count }, (_, at) => records.at(at, partition).offset);
        handed.push(`${offsets.join()} next ${next}`);
        return true;
      },
      ...hooks,
    });
    const fetchFrom = (fetchOffset: number) =>
      broker.fetch({
        topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: String(fetchOffset) }] }],
      });
    return { handed, asked, fetchFrom };
  };
  const standIns = (answer: unknown) =>
    (answer as FetchResponse).responses.flatMap(({ partitions }) => partitions[0]?.messages);

  it('hands over from the offset that was asked for, and gives kafkajs one message for all', async () => {
    const { fetchFrom, handed } = await start();
    const standIn = { offset: '5', generation: 3, isHandedOver: true };
    expect(standIns(await fetchFrom(4))).toMatchObject([standIn]);
    expect(standIns(await fetchFrom(5))).toMatchObject([standIn]);
    expect(handed).toEqual(['4,5 next 6', '5 next 6']);
  });

  it('hands over nothing again, and moves kafkajs on', async () => {
    let to = 5;
    const { fetchFrom, handed } = await start({ next: () => to });
    await fetchFrom(4);
    to = 6;
    expect(standIns(await fetchFrom(4))).toMatchObject([{ offset: '5', isHandedOver: true }]);
    expect(handed).toEqual(['5 next 6', ' next 6']);
  });

  it('tells kafkajs what is to be fetched again', async () => {
    const again = [{ offset: '5', isHandedOver: false }];
    const paused = await start({ handOver: () => false });
    expect(standIns(await paused.fetchFrom(4))).toMatchObject(again);
    const nothingNew = await start({ handOver: () => false, next: () => 6 });
    expect(standIns(await nothingNew.fetchFrom(4))).toMatchObject(again);
    const gap = await start({ next: () => undefined });
    expect(standIns(await gap.fetchFrom(4))).toMatchObject(again);
    expect(gap.handed).toEqual([]);
  });

  it('waits for its turn, as long as it is told, and not at all when the member is over', async () => {
    const steps: string[] = [];
    const { fetchFrom, asked } = await start({
      beforeFetch: async () => void steps.push('before'),
      maxWaitMs: () => 7,
    });
    await fetchFrom(4);
    await fetchFrom(6);
    const question = { maxWaitTime: 7, requestTimeout: 107 };
    expect([steps, asked]).toEqual([
      ['before', 'before'],
      [question, question],
    ]);
    const over = await start({
      assertAlive: () => {
        throw new Error('over');
      },
    });
    await expect(over.fetchFrom(4)).rejects.toThrow('over');
    expect(over.asked).toEqual([]);
  });

  it('brings nothing that lies before what was asked for', async () => {
    const { fetchFrom, handed } = await start();
    expect(standIns(await fetchFrom(6))).toEqual([]);
    expect(handed).toEqual([]);
  });

  it('brings nothing to a member that has rejoined meanwhile', async () => {
    let generation = 3;
    const { fetchFrom, handed } = await start({ generation: () => generation++ });
    expect(standIns(await fetchFrom(4))).toEqual([]);
    expect(handed).toEqual([]);
  });

  it('that fails for a partition fails as kafkajs knows it', async () => {
    const { fetchFrom } = await start({}, { errorCode: 6, records: Buffer.alloc(0) });
    await expect(fetchFrom(4)).rejects.toMatchObject({ type: 'NOT_LEADER_FOR_PARTITION' });
  });
});
