import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { GroupDetails } from '../../lib/driver/broker-admin.js';
import { TestMember } from '../contract/test-member.js';
import { KafkaCluster } from '../support/brokers/kafka-cluster.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { records } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const PATIENCE_MS = 45_000;
const backends = kafkaBackends();

describe.runIf(backends.length > 0).each(backends)('a group whose coordinator goes away: %s', (backend) => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await KafkaCluster.start();
  }, 120_000);
  afterAll(() => cluster?.stop());

  it('is told of again by the next one, and when the first is back', async () => {
    const driver = await openDriver(backend, cluster.bootstrapServers, { requestTimeoutMs: 2_000 });
    const topic = unique('failover');
    const groupId = unique('group');
    await driver.admin.create([{ topic, partitions: 6 }]);
    await driver.send(records(topic, 60), Date.now() + PATIENCE_MS);
    const member = TestMember.join(driver, { topics: [topic], groupId });
    const described = () => driver.brokerAdmin?.describeGroup(groupId) as Promise<GroupDetails>;
    const isWhole = async () => {
      const { members, partitions } = await described();
      expect(members).toBeGreaterThanOrEqual(1); // who could not reach the coordinator joins anew, and counts twice until its session is over
      expect(partitions.map(({ lag }) => lag)).toEqual(Array.from({ length: 6 }, () => 0));
    };
    await eventually(isWhole, PATIENCE_MS);
    const coordinator = await cluster.leaderOf('__consumer_offsets');
    await cluster.node(coordinator).kill();
    await described().catch(() => {}); // asked while it is away, answered or not
    await eventually(isWhole, PATIENCE_MS);
    await cluster.node(coordinator).restart();
    await cluster.whole(topic, '__consumer_offsets');
    for (let look = 0; look < 5; look++) await isWhole();
    expect(await driver.brokerAdmin?.listGroups()).toContain(groupId);
    await eventually(async () => expect((await described()).members).toBe(1), PATIENCE_MS);
    const deadline = deadlineIn(systemClock, 10_000);
    await member.subscription.stop(deadline);
    await driver.close(deadline);
    deadline.cancel();
  }, 180_000);
});
