import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, type Backend, type DriverSpec } from './support.js';

const address = brokerAddress('kafka') ?? '';

/** What kafkajs alone takes for an abort marker. */
const FOUR_ZEROS = Buffer.alloc(4);

describe.each(kafkaBackends())('%s: transactions of others', (backend: Backend) => {
  const read = async (topic: string, spec: DriverSpec, count: number) => {
    const driver = await openDriver(backend, address, spec);
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    await driver.send([record(topic, 'end', { partition: 0 })], Date.now() + 10_000);
    await eventually(() => expect(member.values).toHaveLength(count), 20_000);
    await driver.close(deadlineIn(systemClock, 5_000));
    return member.values;
  };

  /** Two aborted transactions, the second within the first, around committed ones and a record with the key of four zero bytes. */
  const writeOverlapping = async (): Promise<string> => {
    const topic = unique('transactions');
    const client = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    await admin.disconnect();
    const producers = ['a', 'b', 'c'].map((id) =>
      client.producer({ transactionalId: unique(id), idempotent: true, maxInFlightRequests: 1 }),
    );
    await Promise.all(producers.map((producer) => producer.connect()));
    const [first, second, third] = producers as [(typeof producers)[0], (typeof producers)[0], (typeof producers)[0]];
    const send = (one: Awaited<ReturnType<typeof first.transaction>>, value: string, key: Buffer | null = null) =>
      one.send({ topic, messages: [{ key, value, partition: 0 }] });
    const a = await first.transaction();
    await send(a, 'aborted 1a');
    const b = await second.transaction();
    await send(b, 'aborted 2a');
    const c = await third.transaction();
    await send(c, 'committed 1', FOUR_ZEROS);
    await send(a, 'aborted 1b', FOUR_ZEROS);
    await c.commit();
    await b.abort();
    await send(a, 'aborted 1c');
    const d = await second.transaction();
    await send(d, 'committed 2');
    await d.commit();
    await a.abort();
    const e = await first.transaction();
    await send(e, 'committed 3', FOUR_ZEROS);
    await e.commit();
    await Promise.all(producers.map((producer) => producer.disconnect()));
    return topic;
  };

  it('are seen when they are committed, and never when they overlap and are aborted', { timeout: 60_000 }, async () => {
    const topic = await writeOverlapping();
    expect(await read(topic, {}, 4)).toEqual(['committed 1', 'committed 2', 'committed 3', 'end']);
  });

  it('are all seen with isolationLevel read_uncommitted', { timeout: 60_000 }, async () => {
    const topic = await writeOverlapping();
    const values = await read(topic, { isolationLevel: 'read_uncommitted' }, 8);
    expect(values.filter((value) => value.startsWith('aborted'))).toHaveLength(4);
  });

  it('leave a reader at the end of the log, behind their last marker', { timeout: 60_000 }, async () => {
    const topic = await writeOverlapping();
    const groupId = unique('group');
    const driver = await openDriver(backend, address, { autoCommitIntervalMs: 100 });
    const member = TestMember.join(driver, { topics: [topic], groupId });
    await eventually(() => expect(member.settled).toHaveLength(3), 20_000);
    const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const [end] = await admin.fetchTopicOffsets(topic);
    await eventually(async () => {
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
      expect(committed?.partitions[0]?.offset).toBe(end?.high);
    }, 20_000);
    await admin.disconnect();
    await driver.close(deadlineIn(systemClock, 5_000));
  });
});
