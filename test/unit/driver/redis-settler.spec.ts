import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { ownFormat } from '../../../lib/driver/redis/own.format.js';
import { Reading } from '../../../lib/driver/redis/reading.js';
import { Settler } from '../../../lib/driver/redis/settler.js';
import { TestLog } from '../../support/test-log.js';

const TOPIC = {
  name: 'tasks',
  partitions: 1,
  streams: ['tasks'],
  lastIds: [],
  retentionMs: undefined,
  isOurs: true,
};

/** A settler whose server answers each request with the next of these, one answer a message. */
function settlerOf(
  answers: readonly unknown[],
  { onGroupMissing = async () => {}, onLate = (_count: number) => {} } = {},
): Settler {
  const left = [...answers];
  const client = {
    evalshaBuffer: async () => {
      const answer = left.shift();
      if (answer instanceof Error) throw answer;
      return answer === -1 ? answer : [answer];
    },
  } as unknown as Redis;
  const reading = new Reading({
    topic: TOPIC,
    index: 0,
    subscription: { topic: 'tasks', autoOffsetReset: 'earliest', maxUncommitted: 1, maxInFlight: 1_000 },
    clock: systemClock,
    prefetchBytes: 1,
    maxMessageBytes: 1,
    format: ownFormat('data'),
  });
  const context = { connection: 'redis', clock: systemClock, log: new TestLog(), onStatus: () => {} };
  const about = {
    groupId: 'group',
    member: 'member',
    claimIdleMs: 1_000,
    leases: 'leases',
    progress: ['mark', 'done'],
    onGroupMissing,
  };
  return new Settler({ client, context, reading, onFinished: () => {}, onLate, ...about });
}

describe('Settler', () => {
  it('has a group that has vanished made again, since nobody reads a partition that is being given up', async () => {
    let made = 0;
    const settler = settlerOf([new Error("NOGROUP No such key 'tasks' or consumer group 'group'"), 1], {
      onGroupMissing: async () => void made++,
    });
    await settler.settle('1-1', []);
    expect(made).toBe(1);
  });

  it('calls late what was settled by others, and not what nobody asked about since the lease was lost', async () => {
    const late: number[] = [];
    const settler = settlerOf([-1, 0], { onLate: (count) => late.push(count) });
    await settler.settle('1-1', []);
    expect(late).toEqual([]);
    await settler.settle('1-2', []);
    expect(late).toEqual([1]);
  });

  it.each(Array.from({ length: 8 }, (_, ticks) => ticks))(
    'settles what comes %i ticks after a refusal, though nothing else follows',
    async (ticks) => {
      const settler = settlerOf([Buffer.from('WRONGTYPE out holds a string'), 1]);
      const write = { key: 'out', fields: ['data', 'x'], bytes: 1 };
      const givenUp = settler.settle('1-1', [write]).catch(async (error: unknown) => {
        for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
        await settler.settle('1-1', [{ ...write, key: 'dead' }]);
        return error;
      });
      expect(await givenUp).toMatchObject({ code: 'TOPIC_TYPE' });
    },
    2_000,
  );
});
