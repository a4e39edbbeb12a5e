import { beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../../lib/core/errors.js';
import { ConfluentAdmin } from '../../../lib/driver/confluent/confluent.admin.js';
import type {
  Callback,
  ConfluentModule,
  NativeAdmin,
  OffsetAnswer,
} from '../../../lib/driver/confluent/confluent.native.js';
import type { KafkajsBeside } from '../../../lib/driver/confluent/kafkajs-beside.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

const OffsetSpec = { EARLIEST: 'earliest', LATEST: 'latest' };
const PARTITIONS = [0, 1].map((partition) => ({ topic: 'orders', partition }));

/** What librdkafka answers, by what is asked for. */
let answers: Record<string, readonly OffsetAnswer[]>;
let refreshed: string[];

const native = {
  listOffsets: (asked: readonly { offset: string }[], _: unknown, done: Callback<readonly OffsetAnswer[]>) =>
    done(null, answers[asked[0]?.offset ?? ''] ?? []),
  getMetadata: ({ topic }: { topic: string }, done: Callback<unknown>) => {
    refreshed.push(topic);
    done(null, undefined);
  },
} as unknown as NativeAdmin;

const admin = new ConfluentAdmin(
  { OffsetSpec } as unknown as ConfluentModule,
  () => native,
  { connection: 'kafka', clock: new FakeClock(), log: new TestLog(), onStatus: () => {} },
  {} as KafkajsBeside,
);

const at = (...offsets: readonly number[]) =>
  offsets.map((offset, partition) => ({ topic: 'orders', partition, offset }));

beforeEach(() => {
  refreshed = [];
  answers = { earliest: at(0, 40), latest: at(1100, 272) };
});

describe('what the logs have, by librdkafka', () => {
  it('is where each begins and ends', async () => {
    expect(await admin.bounds(PARTITIONS)).toEqual([
      { topic: 'orders', partition: 0, start: 0, end: 1100 },
      { topic: 'orders', partition: 1, start: 40, end: 272 },
    ]);
    expect(refreshed).toEqual([]);
  });

  it.each(['earliest', 'latest'])('is not known while a leader does not answer for the %s offset', async (which) => {
    answers[which] = at(7, -1001);
    const error = await admin.bounds(PARTITIONS).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BrokerUnavailableError);
    expect(error).toMatchObject({ retryable: true, topic: 'orders', partition: 1, connection: 'kafka' });
    expect(refreshed).toEqual(['orders']);
  });

  it('is not known while a leader answers with an error', async () => {
    const error = Object.assign(new Error('not the leader'), { code: 6 });
    answers['latest'] = [...at(1100), { topic: 'orders', partition: 1, offset: -1, error: error as never }];
    await expect(admin.bounds(PARTITIONS)).rejects.toThrow('not the leader');
  });
});

describe('a question to librdkafka', () => {
  it('is asked once more, where it may be, when it let go of the broker that it asked', async () => {
    const dropped = () =>
      Object.assign(new Error('Local: Broker handle destroyed without termination'), { code: -137 });
    const faults = [dropped()];
    const question = (_: NativeAdmin, done: Callback<string>) => {
      const fault = faults.shift();
      if (fault) done(fault, '');
      else done(null, 'answered');
    };
    expect(await admin.ask('orders', question, true)).toBe('answered');
    faults.push(dropped(), dropped());
    await expect(admin.ask('orders', question, true)).rejects.toBeInstanceOf(BrokerUnavailableError);
    faults.push(dropped());
    await expect(admin.ask('orders', question)).rejects.toBeInstanceOf(BrokerUnavailableError);
  });
});
