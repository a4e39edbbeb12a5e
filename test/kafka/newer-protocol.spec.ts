import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { GroupInUseError } from '../../lib/core/errors.js';
import type { BrokerAdmin } from '../../lib/driver/broker-admin.js';
import { loadConfluent } from '../../lib/driver/confluent/confluent.client.js';
import { promised } from '../../lib/driver/confluent/confluent.native.js';
import { KAFKA_VERSION } from '../support/brokers/kafka.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

/** Kafka 3 has a preview of it: ConsumerGroupHeartbeat 0, where librdkafka asks for 1 (seen in its log on 3.9.2). */
const isThere = kafkaBackends().includes('confluent') && !KAFKA_VERSION.startsWith('3.');

describe.runIf(isThere)('a group of the newer protocol (KIP-848)', () => {
  it('has members that librdkafka counts and kafkajs cannot: it is neither moved nor deleted while it may have some', async () => {
    const [topic, groupId, address] = [unique('newer'), unique('newer'), brokerAddress('kafka') ?? ''];
    const driver = await openDriver('kafkajs', address);
    const admin = driver.brokerAdmin as BrokerAdmin;
    await driver.admin.create([{ topic, partitions: 1 }]);
    await driver.send([record(topic, 'a'), record(topic, 'b')], Date.now() + 30_000);
    const { KafkaConsumer } = await loadConfluent();
    const member = new KafkaConsumer(
      { 'bootstrap.servers': address, 'group.id': groupId, 'group.protocol': 'consumer', 'enable.auto.commit': false },
      { 'auto.offset.reset': 'earliest' },
    );
    await promised((done) => member.connect({ allTopics: true, timeout: 5_000 }, done));
    member.subscribe([topic]);
    await eventually(async () => {
      const read = await promised<readonly unknown[] | undefined>((done) => member.consume(10, done));
      expect(read?.length).toBeGreaterThan(0);
    }, 30_000);

    expect(await admin.describeGroup(groupId)).toMatchObject({ groupId, state: 'unknown', members: null });
    const moving = admin.seek(groupId, topic, [{ partition: 0, offset: '2' }]);
    await expect(moving).rejects.toThrow(GroupInUseError);
    await expect(moving).rejects.toThrow('may have members that this client cannot see. Stop them, and try again.');
    await expect(admin.deleteGroup(groupId)).rejects.toThrow(GroupInUseError);

    const seeing = await openDriver('confluent', address);
    const seen = seeing.brokerAdmin as BrokerAdmin;
    expect(await seen.describeGroup(groupId)).toMatchObject({ groupId, state: 'stable', members: 1 });
    await expect(seen.seek(groupId, topic, [{ partition: 0, offset: '2' }])).rejects.toThrow(GroupInUseError);
    await expect(seen.deleteGroup(groupId)).rejects.toThrow(GroupInUseError);
    await seeing.close(deadlineIn(systemClock, 5_000));

    await new Promise<void>((resolve) => member.disconnect(resolve));
    await driver.close(deadlineIn(systemClock, 5_000));
  });
});
