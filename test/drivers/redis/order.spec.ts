import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock, type Deadline } from '../../../lib/core/clock.js';
import type { Delivery, Partition } from '../../../lib/core/delivery.js';
import type { SendResult } from '../../../lib/core/message.js';
import { ACK } from '../../../lib/core/outcome.js';
import type { Driver } from '../../../lib/driver/driver.js';
import { TestMember, type MemberOptions } from '../../contract/test-member.js';
import { RedisServer } from '../../support/brokers/redis.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { deferred } from '../../support/deferred.js';
import { eventually } from '../../support/eventually.js';
import { record, records } from '../../support/records.js';
import { unique } from '../../support/unique.js';
import { FAST } from './load.js';
import { Proxy } from './proxy.js';
import { openRedisDriver } from './support.js';

/** Moments at which the order of a key could be lost, each brought about on purpose. */
describe.runIf(brokerAddress('redis') !== undefined)('the order of a Redis stream', () => {
  const drivers: Driver[] = [];
  let server: RedisServer;
  let proxy: Proxy;
  let client: Redis;
  let topic: string;
  let groupId: string;

  const open = async (): Promise<Driver> => {
    const { driver } = await openRedisDriver({ url: proxy.url, ...FAST });
    drivers.push(driver);
    return driver;
  };
  const options = (rest: Partial<MemberOptions> = {}) => ({ topics: [topic], groupId, ...rest });
  /** Another member, which does nothing but count: a group of two has to share its partitions. */
  const addGhost = () => client.zadd(`${topic}:members:${groupId}`, String(Date.now() + 60_000), 'ghost');
  const untilOf = async (): Promise<string | undefined> => {
    const members = await client.zrange(`${topic}:members:${groupId}`, '0', '-1', 'WITHSCORES');
    return members.find((_, at) => at % 2 === 1 && members[at - 1] !== 'ghost');
  };
  /** The member has renewed its leases, and that twice, so that it has seen the answer to the first time. */
  const renewedTwice = async (): Promise<void> => {
    for (let time = 0; time < 2; time++) {
      const before = await untilOf();
      await eventually(async () => expect(await untilOf()).not.toBe(before));
    }
  };
  const removeGhost = () => client.zrem(`${topic}:members:${groupId}`, 'ghost');

  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await Proxy.start(server.port);
    client = new Redis(server.url, { protocol: 2 });
    topic = unique('topic');
    groupId = unique('group');
  });

  afterEach(async () => {
    const deadline = deadlineIn(systemClock, 3_000);
    await Promise.all(drivers.splice(0).map((driver) => driver.close(deadline)));
    deadline.cancel();
    client.disconnect();
    await proxy.stop();
    await server.stop();
  });

  it('is that of the calls, also when a record was called for while the one before was in doubt', async () => {
    const driver = await open();
    await driver.admin.create([{ topic }]);
    const sending: Promise<readonly SendResult[]>[] = [];
    const send = (value: string) => sending.push(driver.send([record(topic, value)], Date.now() + 10_000));
    send('warm');
    await sending[0];
    proxy.fallSilent();
    send('first');
    await new Promise(setImmediate); // it has left, and what is called for now waits for its answer
    await new Promise(setImmediate);
    send('second');
    proxy.speak();
    proxy.cut();
    await Promise.all(sending);
    const entries = await client.xrange(topic, '-', '+');
    expect(entries.map(([, fields]) => fields[fields.indexOf('data') + 1])).toEqual(['warm', 'first', 'second']);
  });

  it('is that of the calls when many are called for at once, whatever they are, and each is told its own place', async () => {
    const driver = await open();
    await driver.admin.create([{ topic }]);
    const deadline = Date.now() + 10_000;
    const manyHeaders = Array.from({ length: 4_500 }, (_, at) => [`h${at}`, Buffer.from('x')] as const);
    const more = (at: number) => ({
      ...(at === 200 && { idempotencyKey: 'once' }),
      ...(at === 100 && { headers: manyHeaders }), // more than Lua hands to a command
    });
    const values = Array.from({ length: 400 }, (_, at) => String(at));
    const sent = await Promise.all(values.map((value, at) => driver.send([record(topic, value, more(at))], deadline)));
    const entries = await client.xrange(topic, '-', '+');
    expect(entries.map(([, fields]) => fields[fields.indexOf('data') + 1])).toEqual(values);
    expect(sent.flat()).toEqual(entries.map(([offset]) => ({ topic, partition: 0, offset })));
    expect(new Set(entries.map(([, fields]) => fields[1])).size).toBe(400);
  });

  it('is kept by a member that gives up a partition: nothing of it is handed over any more', async () => {
    const driver = await open();
    await driver.admin.create([{ topic, partitions: 2 }]);
    proxy.slowDown(100); // so that a read is on its way most of the time
    const member = new DrainingMember(options());
    member.subscription = driver.subscribe(member.request, member);
    await eventually(() => expect(member.assigned).toHaveLength(2));
    const sender = (await openRedisDriver({ url: server.url })).driver;
    drivers.push(sender);
    let ended = false;
    const sendAll = async (): Promise<void> => {
      for (let value = 0; !ended; value++) {
        const pair = [0, 1].map((partition) => record(topic, String(value), { partition }));
        await sender.send(pair, Date.now() + 10_000);
        await delay(5);
      }
    };
    const sending = sendAll();
    await eventually(() => expect(member.seen.length).toBeGreaterThan(20));
    for (let round = 1; round <= 3; round++) {
      await addGhost();
      await eventually(() => expect(member.drains).toBe(round));
      await removeGhost();
      await eventually(() => expect(member.assigned).toHaveLength(2));
    }
    ended = true;
    await sending;
    expect(member.late.map(({ value }) => String(value))).toEqual([]);
  });

  it('is kept by a member that loses a partition while it gives it up, and gets it again', async () => {
    const driver = await open();
    await driver.admin.create([{ topic, partitions: 2 }]);
    const gate = deferred();
    const member = TestMember.join(driver, options({ handle: () => gate.promise.then(() => ACK) }));
    await eventually(() => expect(member.assigned).toHaveLength(2));
    const given = [...member.assigned];
    await driver.send(
      records(topic, 20, (n) => `key-${n}`),
      Date.now() + 10_000,
    );
    await eventually(() => expect(member.seen).toHaveLength(2));
    await addGhost();
    await eventually(() => expect(member.assigned).toHaveLength(1)); // the drain waits for the handler
    const index = given.find((partition) => !member.assigned.includes(partition))?.index as number;
    await client.hset(`${topic}:leases:${groupId}`, index, 'ghost');
    await renewedTwice();
    await removeGhost();
    await eventually(() => expect(member.assigned).toHaveLength(2));
    gate.resolve();
    await eventually(() => expect(new Set(member.values).size).toBe(20));
    await renewedTwice();
    expect(member.assigned).toHaveLength(2);
    expect(await client.hvals(`${topic}:leases:${groupId}`)).not.toContain('ghost');
  });

  it('goes on where messages of a dead member were taken over, lost and taken again', async () => {
    const driver = await open();
    await driver.admin.create([{ topic, partitions: 2 }]);
    await driver.send(
      records(topic, 3).map((one) => ({ ...one, partition: 0 })),
      Date.now() + 10_000,
    );
    await client.xgroup('CREATE', `${topic}:0`, groupId, '0');
    await client.xreadgroup('GROUP', groupId, 'dead', 'STREAMS', `${topic}:0`, '>');
    const gate = deferred();
    let isFirst = true;
    const handle = () => {
      const waiting = isFirst ? gate.promise : Promise.resolve();
      isFirst = false;
      return waiting.then(() => ACK);
    };
    const member = TestMember.join(driver, options({ handle }));
    await eventually(() => expect(member.values).toEqual(['0']));
    await addGhost();
    await client.hset(`${topic}:leases:${groupId}`, 0, 'ghost');
    await eventually(() => expect(member.assigned.map(({ index }) => index)).not.toContain(0));
    await removeGhost();
    await eventually(() => expect(member.values).toEqual(['0', '0', '1', '2']));
    gate.resolve();
    await eventually(async () => expect((await client.xpending(`${topic}:0`, groupId))[0]).toBe(0));
  });
});

/** Takes half a second to give partitions up, and notes what it gets of them meanwhile. */
class DrainingMember extends TestMember {
  readonly late: Delivery[] = [];
  drains = 0;
  private readonly revoked = new Set<Partition>();

  constructor(private readonly own: { readonly topics: readonly string[]; readonly groupId: string }) {
    super(own);
  }

  get request() {
    const topics = this.own.topics.map((topic) => ({
      topic,
      autoOffsetReset: 'earliest' as const,
      maxUncommitted: 100_000,
      maxInFlight: 1_000,
    }));
    return { groupId: this.own.groupId, topics, maxPollRecords: 500, drainTimeoutMs: 10_000 };
  }

  override onDeliveries(partition: Partition, deliveries: readonly Delivery[]): void {
    if (this.revoked.has(partition)) this.late.push(...deliveries);
    super.onDeliveries(partition, deliveries);
  }

  override async onRevoking(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    for (const partition of partitions) this.revoked.add(partition);
    await super.onRevoking(partitions, deadline);
    await delay(500);
    this.drains++;
  }
}
