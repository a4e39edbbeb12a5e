import { beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnavailableError, ClosedError } from '../../../lib/core/errors.js';
import { ConfluentAdmin } from '../../../lib/driver/confluent/confluent.admin.js';
import type { AdminClientParts } from '../../../lib/driver/confluent/confluent.admin-client.js';
import { ConfluentGroupClient } from '../../../lib/driver/confluent/confluent.group-client.js';
import type {
  Callback,
  ConfluentModule,
  NativeAdmin,
  NativeError,
  OffsetAnswer,
} from '../../../lib/driver/confluent/confluent.native.js';
import { KafkajsBeside } from '../../../lib/driver/confluent/kafkajs-beside.js';
import { kafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

const TIMED_OUT = -185;
const LOADING = 14;
const error = (code: number): NativeError => Object.assign(new Error(`code ${code}`), { code });

let errors: readonly NativeError[];
let partitions: readonly OffsetAnswer[];

const native = {
  listGroups: (_: unknown, done: Callback<unknown>) =>
    done(null, { groups: [{ groupId: 'g', protocolType: 'consumer' }], errors }),
  describeGroups: () => {
    throw new Error('the addon ends the process');
  },
  listConsumerGroupOffsets: (_: unknown, _options: unknown, done: Callback<unknown>) => done(null, [{ partitions }]),
} as unknown as NativeAdmin;

const context = { connection: 'kafka', clock: new FakeClock(), log: new TestLog(), onStatus: () => {} };
const admin = new ConfluentAdmin({} as ConfluentModule, () => native, context, {} as KafkajsBeside);
const groups = new ConfluentGroupClient({ admin, context } as unknown as AdminClientParts);

beforeEach(() => {
  errors = [];
  partitions = [
    { topic: 'orders', partition: 0, offset: 7 },
    { topic: 'orders', partition: 1, offset: -1001 },
  ];
});

it('kafkajs beside librdkafka is not opened after the end', async () => {
  const options = resolveOptions(kafkaOptions, { path: '', input: { backend: 'confluent' }, faults: [] });
  const beside = new KafkajsBeside(options, context);
  expect(await beside.find()).toBeDefined();
  await beside.close();
  await expect(beside.find()).rejects.toBeInstanceOf(ClosedError);
});

describe('groups, by librdkafka', () => {
  it('are those of all brokers', async () => {
    expect(await groups.list()).toEqual(['g']);
  });

  it('are not known while a broker does not tell its own', async () => {
    errors = [error(TIMED_OUT)];
    await expect(groups.list()).rejects.toThrow(BrokerUnavailableError);
    await expect(groups.state('h')).rejects.toMatchObject({ retryable: true });
  });

  it('stand where they have committed', async () => {
    expect(await groups.positions('g')).toEqual(new Map([['orders', new Map([[0, '7']])]]));
  });

  it('stand nowhere that is known while the answer for a partition is an error', async () => {
    partitions = [...partitions, { topic: 'orders', partition: 2, offset: -1001, error: error(LOADING) }];
    await expect(groups.positions('g')).rejects.toMatchObject({
      message: expect.stringContaining('code 14') as string,
    });
  });

  it('are not described while their coordinator answers with an error', async () => {
    partitions = [{ topic: 'orders', partition: 0, offset: -1001, error: error(LOADING) }];
    await expect(groups.state('g')).rejects.toMatchObject({ message: expect.stringContaining('code 14') as string });
  });
});
