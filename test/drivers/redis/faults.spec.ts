import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { RedisServer } from '../../support/brokers/redis.js';
import { eventually } from '../../support/eventually.js';
import { COUNT, Load } from './load.js';
import { Proxy } from './proxy.js';

const AOF = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];

/** Each row of the failure matrix: whatever happens, each message has one output and nothing stays pending. */
describe.runIf(brokerAddress('redis') !== undefined)('Redis members under faults', () => {
  let server: RedisServer;
  let load: Load;
  let proxy: Proxy | undefined;

  beforeEach(async () => {
    server = await RedisServer.start(AOF);
  });

  afterEach(async () => {
    await load.close();
    await proxy?.stop();
    proxy = undefined;
    await server.stop();
  });

  it('without faults each message is handled once, shared between three members', async () => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.join();
    await load.send(COUNT);
    await load.complete('no fault');
    expect(load.runs).toBe(COUNT);
    for (const { runs } of load.members) expect(runs).toBeGreaterThan(COUNT / 10);
  });

  it('kill -9 of a member: others take what it had', async () => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.spawn();
    const sending: Promise<void>[] = []; // more comes before each kill, and goes on through it
    for (let kill = 0; kill < 4; kill++) {
      const underWay = load.passed(COUNT / 20);
      sending.push(load.send(COUNT / 4, 1_250));
      await underWay;
      await load.children[kill]?.kill();
      await load.spawn();
    }
    await Promise.all(sending);
    await load.complete('kill -9, 4 times');
  });

  it('a member that stands still for longer than claimIdleMs and goes on: its late outcomes count for nothing', async () => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.spawn();
    const sending = load.send(COUNT, 5_000);
    for (let pause = 0; pause < 2; pause++) {
      await load.passed(COUNT / 20);
      load.children[pause]?.signal('SIGSTOP');
      await delay(2_500);
      load.children[pause]?.signal('SIGCONT');
    }
    await sending;
    await load.complete('SIGSTOP 2.5 s, twice');
    for (const child of load.children.slice(0, 2)) {
      child.signal('SIGTERM');
      const line = await child.line(/^ended /);
      console.log(`stood still: ${line}`);
      const { taken, late } = JSON.parse(line.slice('ended '.length)) as { taken: number; late: number };
      expect(taken + late).toBeGreaterThan(0);
    }
  });

  it('connections that break, and CLIENT KILL', async () => {
    proxy = await Proxy.start(server.port);
    load = await Load.open(proxy.url, { directUrl: server.url });
    for (let member = 0; member < 3; member++) await load.join();
    const sending = load.send(COUNT, 4_000);
    for (let cut = 0; cut < 12; cut++) {
      await load.passed(COUNT / 20);
      if (cut % 2 === 0) proxy.cut();
      else await load.client.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
    }
    await sending;
    await load.complete('12 cuts of all connections');
  });

  it('answers that are lost: what they brought is found again, and nothing is sent twice', async () => {
    proxy = await Proxy.start(server.port);
    load = await Load.open(proxy.url, { directUrl: server.url });
    await load.join(); // alone: nobody else claims what is in no hands
    proxy.lose(0.02, 0);
    await load.send(COUNT, 5_000);
    proxy.lose(0, 0);
    await load.complete(`lost answers`);
    console.log(`lost answers: ${proxy.lost}`);
    expect(proxy.lost).toBeGreaterThan(3);
    expect(await load.client.xlen(load.topic)).toBe(COUNT);
  });

  it('a connection whose other side has vanished: reads go on within blockMs + 6 s', async () => {
    proxy = await Proxy.start(server.port);
    load = await Load.open(proxy.url, { directUrl: server.url });
    await load.join();
    await load.send(COUNT / 2);
    await load.complete('before the silence');
    proxy.fallSilent();
    await delay(1_000);
    proxy.speak();
    const started = Date.now();
    await load.send(COUNT / 2);
    await load.complete('half-open connection');
    console.log(`half-open connection: complete after ${Date.now() - started} ms`);
    expect(Date.now() - started).toBeLessThan(6_500 + COUNT / 4);
  });

  it('a server that stands still for 3 s', async () => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.join();
    const sending = load.send(COUNT, 3_000);
    await delay(1_000);
    server.signal('SIGSTOP');
    await delay(3_000);
    server.signal('SIGCONT');
    await sending;
    await load.complete('server SIGSTOP 3 s');
  });

  it('a server that is killed and comes back with its data', async () => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.join();
    const sending = load.send(COUNT, 4_000);
    for (let restart = 0; restart < 2; restart++) {
      await delay(1_000);
      await server.kill();
      await server.restart();
    }
    await sending;
    await load.complete('server kill -9, twice');
  });

  it.each<readonly [string, (own: Load) => readonly [string, ...string[]]]>([
    ['FLUSHALL', () => ['FLUSHALL']],
    ['DEL of the stream', ({ topic }) => ['DEL', topic]],
    ['XGROUP DESTROY', ({ topic, groupId }) => ['XGROUP', 'DESTROY', topic, groupId]],
  ])('%s: the group is made again, and what is sent afterwards is handled', async (title, command) => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.join();
    await load.send(COUNT / 10);
    await load.complete(`before ${title}`);
    load.forget();
    const [name, ...args] = command(load);
    await load.client.call(name, args);
    await load.send(COUNT, 1_000);
    await load.complete(title);
    const errors = load.opened.flatMap(({ log }) => log.texts('error'));
    expect(errors.filter((text) => text.includes('had vanished'))).toHaveLength(1);
  });

  it('a server that comes back without its data: what is sent afterwards is handled', async () => {
    await server.stop();
    server = await RedisServer.start();
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.join();
    await load.send(COUNT / 10);
    await load.complete('before the loss');
    load.forget();
    await server.kill();
    await server.restart();
    await load.send(COUNT, 1_000);
    await load.complete('restart without persistence');
  });

  it('a server without memory: nothing is lost or doubled, and all goes on when there is some', async () => {
    load = await Load.open(server.url);
    await load.send(COUNT);
    const used = Number(/used_memory:(\d+)/.exec(await load.client.info('memory'))?.[1]);
    await load.client.config('SET', 'maxmemory', String(used + 500_000));
    for (let member = 0; member < 3; member++) await load.join();
    await eventually(() => expect(load.runs).toBeGreaterThan(100));
    await delay(2_000);
    expect((await load.figures()).outputs).toBeLessThan(COUNT);
    await load.client.config('SET', 'maxmemory', '0');
    await load.complete('OOM');
    expect(load.runs).toBe(COUNT);
  });

  it('SCRIPT FLUSH, again and again', async () => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.join();
    const sending = load.send(COUNT, 2_000);
    for (let flush = 0; flush < 20; flush++) {
      await load.passed(COUNT / 40);
      await load.client.script('FLUSH');
    }
    await sending;
    await load.complete('20 times SCRIPT FLUSH');
    expect(load.runs).toBe(COUNT);
  });

  it('a replica that is promoted: members find the new master', async () => {
    const replica = await RedisServer.start([...AOF, '--replicaof', '127.0.0.1', String(server.port)]);
    const direct = new Redis(replica.url, { protocol: 2 });
    try {
      proxy = await Proxy.start(server.port);
      load = await Load.open(proxy.url, { directUrl: replica.url });
      await eventually(async () => expect(await direct.info('replication')).toContain('master_link_status:up'));
      for (let member = 0; member < 3; member++) await load.join();
      await load.send(COUNT / 2, 1_000);
      await load.complete('before the failover');
      await direct.call('REPLICAOF', 'NO', 'ONE');
      const old = new Redis(server.url, { protocol: 2 });
      await old.call('REPLICAOF', '127.0.0.1', String(replica.port));
      const sending = load.send(COUNT / 2, 1_000);
      await delay(1_500);
      proxy.pointTo(replica.port);
      await sending;
      await load.complete('failover');
      old.disconnect();
    } finally {
      direct.disconnect();
      await replica.stop();
    }
  });

  it('a server that is gone for good: close keeps its deadline', async () => {
    load = await Load.open(server.url);
    for (let member = 0; member < 3; member++) await load.join();
    await load.send(COUNT / 10);
    await server.stop();
    const started = Date.now();
    await load.close();
    expect(Date.now() - started).toBeLessThan(6_500);
  });

  it.each([
    ['a plain topic', 1],
    ['a topic with partitions', 2],
  ])('a message of %s that kills its process: it alone is given up', async (title, partitions) => {
    load = await Load.open(server.url, { partitions });
    const deadLetters = `${load.topic}-dlq`;
    await load.driver().then((driver) => driver.admin.create([{ topic: deadLetters }]));
    const poison = String(COUNT / 2);
    let ended = false;
    const supervise = async (): Promise<void> => {
      while (!ended) await (await load.spawn({ POISON: poison })).end();
    };
    const supervised = supervise();
    await load.send(COUNT, 2_000);
    load.forget(poison);
    await eventually(async () => expect(await load.client.xlen(deadLetters)).toBe(1), 40_000);
    await load.complete(`poison in ${title}`);
    ended = true;
    await load.children.at(-1)?.kill();
    await supervised;
    expect(await load.client.xlen(deadLetters)).toBe(1);
    expect(load.children).toHaveLength(6);
  });
});
