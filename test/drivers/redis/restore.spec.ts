import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import type { Delivery, Partition } from '../../../lib/core/delivery.js';
import { ACK } from '../../../lib/core/outcome.js';
import { MessagingHealthIndicator, ProducerService } from '../../../lib/index.js';
import type { Driver } from '../../../lib/driver/driver.js';
import { TestMember } from '../../contract/test-member.js';
import { RedisServer } from '../../support/brokers/redis.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { workerOf } from '../../support/engine-app.js';
import { eventually } from '../../support/eventually.js';
import { record, records } from '../../support/records.js';
import { startApp } from '../../support/test-app.js';
import { openRedisDriver } from './support.js';

const FAST = { claimIdleMs: 1_500, blockMs: 200 };

/** What becomes of a group that somebody removes, one moment after the other. */
describe.runIf(brokerAddress('redis') !== undefined)('a Redis group that is removed', () => {
  const [topic, output, groupId] = ['tasks', 'results', 'group'];
  const drivers: Driver[] = [];
  let server: RedisServer;
  let client: Redis;

  const open = async (): Promise<Driver> => {
    const { driver } = await openRedisDriver({ url: server.url, ...FAST });
    drivers.push(driver);
    return driver;
  };
  const join = async (driver?: Driver): Promise<HoldingMember> => {
    const member = new HoldingMember({ topics: [topic], groupId });
    const own = { topic, autoOffsetReset: 'earliest' as const, maxUncommitted: 100_000, maxInFlight: 1_000 };
    const request = { groupId, topics: [own], maxPollRecords: 500, drainTimeoutMs: 0 };
    member.subscription = (driver ?? (await open())).subscribe(request, member);
    return member;
  };
  const send = (driver: Driver, count: number) => driver.send(records(topic, count), Date.now() + 5_000);
  const pending = async () => {
    const rows = (await client.xpending(topic, groupId, '-', '+', 100)) as [id: string][];
    return rows.map(([id]) => id);
  };
  const destroyed = async (): Promise<void> => {
    await client.xgroup('DESTROY', topic, groupId);
    await eventually(async () => expect(await client.xinfo('GROUPS', topic)).toHaveLength(1));
  };
  const outputs = async () => {
    const entries = await client.xrange(output, '-', '+');
    return entries.map(([, fields]) => fields[fields.indexOf('data') + 1]);
  };
  const values = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));

  beforeEach(async () => {
    server = await RedisServer.start();
    client = new Redis(server.url, { protocol: 2 });
    await (await open()).admin.create([{ topic }, { topic: output }]);
  });

  afterEach(async () => {
    const deadline = deadlineIn(systemClock, 2_000);
    await Promise.all(drivers.splice(0).map((driver) => driver.close(deadline)));
    deadline.cancel();
    client.disconnect();
    await server.stop();
  });

  it('has unfinished what was unfinished, and finished what was finished in between', async () => {
    const member = await join();
    await send(drivers[0] as Driver, 10);
    await eventually(() => expect(member.held).toHaveLength(10));
    const [odd, even] = [1, 0].map((rest) => member.held.filter(({ value }) => Number(value) % 2 === rest));
    await member.finish(even ?? []);
    await destroyed();
    await eventually(async () => expect(await pending()).toEqual(odd?.map(({ offset }) => offset)));
    await member.finish(odd ?? []);
    await eventually(async () => expect(await pending()).toEqual([]));
    expect(new Set(await outputs())).toEqual(new Set(values(0, 10)));
    expect(await outputs()).toHaveLength(10);
    expect(member.held).toHaveLength(10); // nothing came twice
  });

  it('keeps what another member has, and repeats no output whoever finishes first', async () => {
    const [first, second] = [await join(), await join()];
    const held = () => [...first.held, ...second.held];
    for (let n = 0; n < 20; n++) await (drivers[0] as Driver).send([record(topic, String(n))], Date.now() + 5_000);
    await eventually(() => expect(held()).toHaveLength(20));
    await eventually(() => expect(Math.min(first.held.length, second.held.length)).toBeGreaterThan(0));
    const [a, b] = [first.held.slice(), second.held.slice()];
    await first.finish(a.slice(1));
    await destroyed();
    await Promise.all([first.finish(a), second.finish(b)]);
    await eventually(async () => {
      await Promise.all([first, second].map((member) => member.finish(member.held)));
      expect(await pending()).toEqual([]);
      expect((await outputs()).length).toBeGreaterThanOrEqual(20);
    });
    expect((await outputs()).map(Number).toSorted((x, y) => x - y)).toEqual(values(0, 20).map(Number));
  });

  it('begins anew, as a new one, when it was removed while nobody read', async () => {
    const before = await join();
    await send(drivers[0] as Driver, 6);
    await eventually(() => expect(before.held).toHaveLength(6));
    await before.finish(before.held.slice(1));
    const kept = ['mark', 'done'].map((name) => `${topic}:${name}:${groupId}`);
    for (const key of kept) await client.copy(key, `copy of ${key}`);
    await drivers.pop()?.close(deadlineIn(systemClock, 2_000));
    for (const key of kept) await client.rename(`copy of ${key}`, key); // as a member leaves it that is killed
    await client.xgroup('DESTROY', topic, groupId);
    const after = await join();
    await eventually(() => expect(after.held).toHaveLength(6));
    await destroyed();
    await eventually(async () => expect(await pending()).toHaveLength(6));
  });

  it('reads a stream that was deleted and made again from its beginning, whatever ids it has', async () => {
    const member = await join();
    await send(drivers[0] as Driver, 6);
    await eventually(() => expect(member.held).toHaveLength(6));
    const ids = member.held.map(({ offset }) => offset);
    await member.finish(member.held.slice(1));
    await client
      .multi()
      .del(topic)
      .xadd(topic, ids[2] as string, 'data', 'same id')
      .xadd(topic, '*', 'data', 'new')
      .exec();
    await eventually(() => expect(member.values.slice(6)).toEqual(['same id', 'new']));
  });

  it('that acknowledged very much behind an unfinished message reads all of that again, and loses nothing', async () => {
    const member = await join();
    const driver = drivers[0] as Driver;
    await send(driver, 1);
    await eventually(() => expect(member.held).toHaveLength(1));
    let acked = 0;
    member.onDeliveries = (_partition, deliveries) => {
      for (const delivery of deliveries) {
        if (delivery.offset === member.held[0]?.offset) member.held.push(delivery);
        else if (String(delivery.value) === 'last') void member.finish([delivery]);
        else if (++acked) void member.subscription.settle(delivery, ACK);
      }
    };
    for (let part = 1; part <= 11; part++) {
      await send(driver, 1_000);
      await eventually(() => expect(acked).toBe(part * 1_000));
    }
    await driver.send([record(topic, 'last')], Date.now() + 5_000);
    await eventually(async () => expect(await outputs()).toEqual(['last']));
    await destroyed();
    await eventually(() => expect(acked).toBe(22_000));
    await member.finish(member.held);
    await eventually(async () => expect(await pending()).toEqual([]));
    expect(await outputs()).toEqual(['last', 'last', '0']);
  });

  it('with all data leaves the app up, and degraded for a while; what is sent then is handled', async () => {
    const seen: unknown[] = [];
    const { app } = await startApp({
      options: { broker: 'redis', groupId, redis: { url: server.url, ...FAST } },
      providers: [workerOf({ options: { topic }, process: (message: unknown) => void seen.push(message) })],
    });
    const send = (message: string) => app.get(ProducerService).send({ topic, message });
    const health = () => app.get(MessagingHealthIndicator).readiness().messaging;
    await send('before');
    await eventually(() => expect(seen).toEqual(['before']));
    expect(health()).toMatchObject({ status: 'up', degraded: [] });
    await client.flushall();
    await send('after');
    await eventually(() => expect(seen).toEqual(['before', 'after']));
    expect(health()).toMatchObject({
      status: 'up',
      degraded: [expect.stringContaining('Group `group` of topic `tasks` had vanished from the server')],
    });
    await app.close();
  });
});

/** Holds what it gets until it is told to finish it, with an output each. */
class HoldingMember extends TestMember {
  readonly held: Delivery[] = [];

  override get values(): string[] {
    return this.held.map(({ value }) => String(value));
  }

  override onDeliveries(_partition: Partition, deliveries: readonly Delivery[]): void {
    this.held.push(...deliveries);
  }

  async finish(deliveries: readonly Delivery[]): Promise<void> {
    const settling = deliveries.map(async (delivery) => {
      const outputs = [record('results', delivery.value)];
      await this.subscription.settle(delivery, { kind: 'ack', outputs });
    });
    await Promise.all(settling);
  }
}
