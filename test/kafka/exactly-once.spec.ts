import * as kafkajs from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { UnknownTopicError } from '../../lib/core/errors.js';
import type { Driver } from '../../lib/driver/driver.js';
import { KafkajsTransactor } from '../../lib/driver/kafkajs/kafkajs.transactor.js';
import { producersOf } from '../../lib/driver/kafkajs/produce/create-producer.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { readPositions } from '../chaos/read-positions.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { TestLog } from '../support/test-log.js';
import { unique } from '../support/unique.js';
import { openDriver, readAll, type Backend } from './support.js';

const address = brokerAddress('kafka') ?? '';
const client = () => new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING });

describe.each(kafkaBackends())('%s: a member that writes in transactions', (backend: Backend) => {
  const drivers: Driver[] = [];
  const open = async () => {
    const driver = await openDriver(backend, address);
    drivers.push(driver);
    return driver;
  };

  afterEach(async () => {
    const deadline = deadlineIn(systemClock, 5_000);
    await Promise.all(drivers.splice(0).map((driver) => driver.close(deadline)));
    deadline.cancel();
  });

  it('keeps its positions with its outputs, and what it knows of deaths beside them', async () => {
    const [input, output, groupId] = [unique('in'), unique('out'), unique('group')];
    const driver = await open();
    await driver.admin.create([input, output].map((topic) => ({ topic, partitions: 1 })));
    const member = TestMember.join(driver, {
      topics: [input],
      groupId,
      transactionIntervalMs: 20,
      handle: ({ value }) => ({ kind: 'ack', outputs: [record(output, `out ${String(value)}`)] }),
    });
    await driver.send(
      ['a', 'b', 'c'].map((value) => record(input, value)),
      Date.now() + 10_000,
    );
    await eventually(() => expect(member.settled).toHaveLength(3), 20_000);
    expect(readAll(address, output)).toEqual(['out a', 'out b', 'out c']);
    const admin = client().admin();
    await admin.connect();
    const [found] = await admin.fetchOffsets({ groupId, topics: [input] });
    await admin.disconnect();
    expect(found?.partitions).toEqual([
      { partition: 0, offset: '3', metadata: expect.stringMatching(/^v1;n=1;o=-;p=\w+;/) as string },
    ]);
  });

  it('writes what is decided instead of an output whose topic does not exist, and what stands around it once', async () => {
    const [input, output, groupId] = [unique('in'), unique('out'), unique('group')];
    const driver = await open();
    await driver.admin.create([input, output].map((topic) => ({ topic, partitions: 1 })));
    const errors: unknown[] = [];
    const member = TestMember.join(driver, { topics: [input], groupId, transactionIntervalMs: 20 });
    const settling: Promise<unknown>[] = [];
    member.onDeliveries = (_, deliveries) => {
      for (const delivery of deliveries) {
        const value = String(delivery.value);
        const settle = (topic: string) =>
          Promise.resolve(member.subscription.settle(delivery, { kind: 'ack', outputs: [record(topic, value)] }));
        const outcome = value === '2' ? settle(unique('nowhere')) : settle(output);
        settling.push(
          outcome.catch((error: unknown) => {
            errors.push(error);
            return settle(output);
          }),
        );
      }
    };
    await driver.send(
      ['0', '1', '2', '3', '4'].map((value) => record(input, value)),
      Date.now() + 10_000,
    );
    await eventually(() => expect(settling).toHaveLength(5), 20_000);
    await Promise.all(settling);
    expect(errors).toEqual([expect.any(UnknownTopicError)]);
    const committed = TestMember.join(driver, { topics: [output], groupId: unique('reader') });
    await eventually(() => expect(committed.values).toEqual(['0', '1', '2', '3', '4']), 20_000);
    expect(await readPositions(address, output, 'read_committed')).toHaveLength(5);
  });
});

describe('kafkajs: a transactional id', () => {
  it('is its newest owner’s: what the one before still writes is refused, and what it left open is never seen', async () => {
    const [output, groupId, id] = [unique('out'), unique('group'), unique('id')];
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: output, numPartitions: 1 }] });
    const context = { connection: 'kafka', clock: systemClock, log: new TestLog(), onStatus: () => {} };
    const options = resolveOptions(kafkaOptions, { path: '', input: {}, faults: [] });
    const parts = { options, context, groupId, partitionsOf: async () => 1 };
    const own = () => new KafkajsTransactor(id, { ...parts, createProducer: producersOf(client(), kafkajs) });
    const [zombie, owner] = [own(), own()];
    const position = (offset: string) => [{ topic: output, partition: 0, offset, metadata: '' }];
    await zombie.fence();
    await zombie.transact([record(output, 'before')], position('1'));
    await owner.fence();
    await expect(zombie.transact([record(output, 'zombie')], position('2'))).rejects.toMatchObject({ fault: 'fenced' });
    await owner.transact([record(output, 'after')], position('3'));
    expect(await readPositions(address, output, 'read_committed')).toHaveLength(2);
    const [found] = await admin.fetchOffsets({ groupId, topics: [output] });
    expect(found?.partitions[0]?.offset).toBe('3');
    const deadline = deadlineIn(systemClock, 5_000);
    await Promise.all([zombie.close(deadline), owner.close(deadline), admin.disconnect()]);
    deadline.cancel();
  });
});
