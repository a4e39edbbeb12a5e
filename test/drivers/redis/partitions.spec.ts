import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import { RedisServer } from '../../support/brokers/redis.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { eventually } from '../../support/eventually.js';
import type { LoadMember } from './load-member.js';
import { COUNT, Load } from './load.js';
import { Proxy } from './proxy.js';

const PARTITIONS = 8;

/** A topic with partitions keeps the order of a key in the whole group, while members come, go and die. */
describe.runIf(brokerAddress('redis') !== undefined)('a Redis topic with partitions', () => {
  let server: RedisServer;
  let load: Load;
  let proxy: Proxy | undefined;

  beforeEach(async () => {
    server = await RedisServer.start();
  });

  afterEach(async () => {
    await load.close();
    await proxy?.stop();
    proxy = undefined;
    await server.stop();
  });

  /** One output for each message, nothing pending, and the outputs of a key in the order in which its messages were sent. */
  const complete = async (title: string): Promise<void> => {
    const started = Date.now();
    await eventually(async () => {
      expect(await load.client.xlen(load.output)).toBeGreaterThanOrEqual(COUNT);
      expect(await load.pending()).toBe(0);
    }, 45_000).catch(() => {}); // the assertions below tell more
    const outputs = (await load.outputs()).map(Number);
    const last = new Map<number, number>();
    let disorder = 0;
    for (const value of outputs) {
      if (value < (last.get(value % 100) ?? -1)) disorder++;
      last.set(value % 100, value);
    }
    const figures = {
      sent: COUNT,
      outputs: outputs.length,
      unique: new Set(outputs).size,
      pending: await load.pending(),
      disorder,
    };
    console.log(`${title}: ${JSON.stringify({ ...figures, settledMs: Date.now() - started })}`);
    expect(figures).toEqual({ sent: COUNT, outputs: COUNT, unique: COUNT, pending: 0, disorder: 0 });
  };

  it('is shared evenly, also with members that come and go under load', async () => {
    load = await Load.open(server.url, { partitions: PARTITIONS });
    const first = await load.join();
    await eventually(() => expect(first.assigned.size).toBe(8));
    const sending = load.send(COUNT, 5_000);
    const second = await load.join();
    await eventually(() => expect(sizes(first, second)).toEqual([4, 4]));
    const third = await load.join();
    await eventually(() => expect(sizes(first, second, third)).toEqual([2, 3, 3]));
    await second.stop(deadlineIn(systemClock, 5_000));
    await eventually(() => expect(sizes(first, third)).toEqual([4, 4]));
    await sending;
    await complete('members come and go');
  });

  it('loses nothing and no order when members die', async () => {
    load = await Load.open(server.url, { partitions: PARTITIONS });
    for (let member = 0; member < 3; member++) await load.spawn();
    const sending = load.send(COUNT, 7_000);
    for (let kill = 0; kill < 3; kill++) {
      await load.passed(COUNT / 10);
      await load.children[kill]?.kill();
      await load.spawn();
    }
    await sending;
    await complete('kill -9, 3 times');
  });

  it('is not handled by a member that stood still while others took its partitions', async () => {
    load = await Load.open(server.url, { partitions: PARTITIONS });
    for (let member = 0; member < 3; member++) await load.spawn();
    const sending = load.send(COUNT, 5_000);
    await load.passed(COUNT / 20);
    load.children[0]?.signal('SIGSTOP');
    await delay(3_000);
    load.children[0]?.signal('SIGCONT');
    await sending;
    await complete('SIGSTOP 3 s');
  });

  it('keeps the order when answers are lost', async () => {
    proxy = await Proxy.start(server.port);
    load = await Load.open(proxy.url, { directUrl: server.url, partitions: PARTITIONS });
    for (let member = 0; member < 2; member++) await load.join();
    proxy.lose(0.01, 0);
    await load.send(COUNT, 4_000);
    proxy.lose(0, 0);
    await complete(`${proxy.lost} lost answers`);
  });

  it('keeps its number of partitions, and leaves nothing of members that left', async () => {
    load = await Load.open(server.url, { partitions: PARTITIONS });
    const client = new Redis(server.url, { protocol: 2 });
    expect(await client.hgetall(`${load.topic}:meta`)).toEqual({ partitions: '8' });
    const member = await load.join();
    await eventually(() => expect(member.assigned.size).toBe(8));
    await member.stop(deadlineIn(systemClock, 5_000));
    expect(await client.exists(`${load.topic}:members:${load.groupId}`)).toBe(0);
    expect(await client.exists(`${load.topic}:leases:${load.groupId}`)).toBe(0);
    expect(await client.xinfo('CONSUMERS', `${load.topic}:0`, load.groupId)).toEqual([]);
    client.disconnect();
  });
});

function sizes(...members: readonly LoadMember[]): number[] {
  return members.map(({ assigned }) => assigned.size).toSorted((a, b) => a - b);
}
