import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import type { BrokerAdmin } from '../../../lib/driver/broker-admin.js';
import { RedisServer } from '../../support/brokers/redis.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { openRedisDriver } from './support.js';

const COUNT = 300;

describe.runIf(brokerAddress('redis') !== undefined)('many groups on Redis', () => {
  let server: RedisServer;
  beforeAll(async () => void (server = await RedisServer.start()));
  afterAll(() => server?.stop());

  it('are described together without asking each topic for each of them', async () => {
    const client = new Redis(server.url);
    for (let n = 0; n < COUNT; n++) await client.xgroup('CREATE', `topic-${n}`, `group-${n}`, '0', 'MKSTREAM');
    const { driver } = await openRedisDriver({ url: server.url });
    const admin = driver.brokerAdmin as BrokerAdmin;
    const names = await admin.listGroups();
    const groups = await Promise.all(names.map((name) => admin.describeGroup(name)));
    expect(groups.map(({ partitions }) => partitions[0]?.topic.replace('topic', 'group'))).toEqual(names);
    expect(names).toHaveLength(COUNT);
    const stats = await client.info('commandstats');
    expect(Number(/cmdstat_xinfo\|groups:calls=(\d+)/.exec(stats)?.[1])).toBeLessThanOrEqual(4 * COUNT);
    client.disconnect();
    await driver.close(deadlineIn(systemClock, 1_000));
  });
});
