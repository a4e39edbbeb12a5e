import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessagingError } from '../../../lib/core/errors.js';
import { RedisServer } from '../../support/brokers/redis.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { workerOf } from '../../support/engine-app.js';
import { eventually } from '../../support/eventually.js';
import { record } from '../../support/records.js';
import { startApp } from '../../support/test-app.js';
import { COUNT, Load } from './load.js';

const AOF = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'no'];

/** The rows of the failure matrix that are about the server's state and what messages hold. */
describe.runIf(brokerAddress('redis') !== undefined)('Redis members under other faults', () => {
  let server: RedisServer;
  let load: Load;

  const start = async (...args: string[]): Promise<RedisServer> => {
    await server.stop();
    server = await RedisServer.start(args);
    return server;
  };
  const joinThree = async () => {
    for (let member = 0; member < 3; member++) await load.join();
  };

  beforeEach(async () => {
    server = await RedisServer.start();
  });

  afterEach(async () => {
    await load.close();
    await server.stop();
  });

  it.each([
    ['a plain topic', 1],
    ['a topic with partitions', 4],
  ])('XGROUP DESTROY under load, of %s: the group goes on where it was', async (title, partitions) => {
    load = await Load.open(server.url, { partitions });
    await joinThree();
    const sending = load.send(COUNT, 4_000);
    for (let time = 0; time < 3; time++) {
      await delay(1_000);
      for (const stream of load.streams) await load.client.xgroup('DESTROY', stream, load.groupId);
    }
    await sending;
    await load.complete(`XGROUP DESTROY under load, 3 times, ${title}`);
  });

  it('XGROUP DESTROY while messages are in the hands of a member that has just died: they are not forgotten', async () => {
    load = await Load.open(server.url);
    await load.join();
    const doomed = await load.spawn();
    const sending = load.send(COUNT, 3_000);
    await eventually(async () => expect((await load.owners()).size).toBe(2));
    await doomed.kill();
    await load.client.xgroup('DESTROY', load.topic, load.groupId);
    await sending;
    await load.complete('kill -9 of a member, then XGROUP DESTROY');
  });

  it('a login that is refused for a while: all goes on when it is accepted again', async () => {
    const { hostname, port } = new URL(server.url);
    load = await Load.open(server.url);
    await load.client.call('ACL', ['SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all']);
    await load.close();
    load = await Load.open(`redis://app:secret@${hostname}:${port}`, { directUrl: server.url });
    await joinThree();
    const sending = load.send(COUNT, 3_000);
    await delay(1_000);
    await load.client.call('ACL', ['SETUSER', 'app', 'resetpass', '>other']);
    await load.client.call('CLIENT', ['KILL', 'USER', 'app']);
    await eventually(() => expect(load.opened[0]?.statuses.at(-1)).toMatchObject({ state: 'down' }));
    await delay(1_000);
    await load.client.call('ACL', ['SETUSER', 'app', '>secret']);
    await sending;
    await load.complete('a refused login for a second');
    for (const { statuses } of load.opened) expect(statuses.at(-1)).toEqual({ state: 'up' });
  });

  it('an output topic whose key is no stream: those messages alone are given up, the others have their output', async () => {
    load = await Load.open(server.url);
    const wrong = `${load.topic}-wrong`;
    const driver = await load.driver();
    await driver.admin.create([{ topic: wrong }, { topic: load.deadLetters }]);
    await driver.send([record(wrong, 'known')], Date.now() + 5_000);
    const isWrong = (value: unknown) => Number(value) % 10 === 0;
    for (let member = 0; member < 3; member++)
      await load.join({
        handlerMs: 0,
        outputOf: ({ value }) => (isWrong(value) ? { value, topic: wrong } : { value }),
      });
    for (const { driver: one } of load.opened) await one.admin.describe([wrong]);
    await load.client.set(wrong, 'no stream');
    await load.send(COUNT);
    await eventually(async () => expect(await load.pending()).toBe(0), 40_000);
    const [outputs, dead] = [await load.outputs(), await load.outputs(load.deadLetters)];
    const figures = { sent: COUNT, outputs: outputs.length, dead: dead.length, pending: await load.pending() };
    console.log(`WRONGTYPE of one output in ten: ${JSON.stringify({ ...figures, runs: load.runs })}`);
    expect(figures).toEqual({ sent: COUNT, outputs: (COUNT * 9) / 10, dead: COUNT / 10, pending: 0 });
    expect(new Set([...outputs, ...dead]).size).toBe(COUNT);
    expect(dead.every(isWrong)).toBe(true);
    expect(load.members.flatMap(({ failures }) => failures)).toHaveLength(COUNT / 10);
  });

  it('messages that are too large are refused one by one, without harm to those beside them', async () => {
    load = await Load.open(server.url);
    const driver = await load.driver();
    const large = Buffer.alloc(1_100_000);
    const list = Array.from({ length: COUNT }, (_, index) =>
      record(load.topic, index % 100 === 0 ? large : String(index)),
    );
    const results = await driver.send(list, Date.now() + 30_000);
    const refused = results.flatMap((result, index) => (result instanceof MessagingError ? [{ result, index }] : []));
    const figures = { sent: COUNT, refused: refused.length, written: await load.client.xlen(load.topic) };
    console.log(`too large, one in a hundred: ${JSON.stringify(figures)}`);
    expect(figures).toEqual({ sent: COUNT, refused: COUNT / 100, written: COUNT - COUNT / 100 });
    expect(refused.every(({ result, index }) => result.code === 'MESSAGE_TOO_LARGE' && index % 100 === 0)).toBe(true);
    expect(load.opened.flatMap(({ statuses }) => statuses).filter(({ state }) => state === 'down')).toEqual([]);
  });

  it('entries of 10 MB among small ones: few of them in memory at a time, and none holds up the process', async () => {
    load = await Load.open(server.url);
    const driver = await load.driver({ maxMessageBytes: 20_000_000 });
    const value = Buffer.alloc(10_000_000, 'x');
    for (let part = 0; part < 10; part++) {
      await load.send(COUNT / 10);
      await driver.send([record(load.topic, value, { key: `large-${part}` })], Date.now() + 30_000);
    }
    const loop = monitorEventLoopDelay({ resolution: 5 });
    loop.enable();
    let mostBytes = 0;
    const member = await load.join({
      handlerMs: 2,
      outputOf: ({ key, value: own }) => {
        mostBytes = Math.max(mostBytes, member.heldBytes);
        return { value: own && own.length > 1_000 ? key : own };
      },
    });
    await eventually(async () => expect(await load.client.xlen(load.output)).toBe(COUNT + 10), 40_000);
    const longest = Math.round(loop.max / 1e6);
    console.log(`10 MB entries: ${JSON.stringify({ mostMB: mostBytes / 1e6, longestLoopDelayMs: longest })}`);
    await load.complete('10 entries of 10 MB among small ones');
    expect(load.runs).toBe(COUNT + 10);
    expect(mostBytes).toBeLessThan(8_388_608 + 10_100_000 + 2_000_000); // prefetchBytes, and one that was over it
    expect(longest).toBeLessThan(1_000);
  });

  it('bytes that cannot be read become dead letters at their first attempt, the others are handled', async () => {
    load = await Load.open(server.url);
    const driver = await load.driver();
    const groupId = load.groupId;
    const options = { topic: load.topic, outputTopic: load.output, groupId, concurrency: 50, maxRetries: 5 };
    const providers = [workerOf({ options, process: (message: { n: number }) => ({ n: message.n }) })];
    const { app } = await startApp({ options: { broker: 'redis', groupId, redis: { url: server.url } }, providers });
    const list = Array.from({ length: COUNT }, (_, n) =>
      record(load.topic, n % 100 === 0 ? Buffer.from([0xff, n % 256]) : `{"n":${n}}`),
    );
    await driver.send(list, Date.now() + 30_000);
    await eventually(async () => {
      expect(await load.client.xlen(load.output)).toBe((COUNT * 99) / 100);
      expect(await load.client.xlen(load.deadLetters)).toBe(COUNT / 100);
      expect(await load.pending()).toBe(0);
    }, 45_000);
    const dead = await load.client.xrange(load.deadLetters, '-', '+');
    const headers = dead.map(([, fields]) => ({
      reason: fieldOf(fields, 'reason'),
      tries: fieldOf(fields, 'attempts'),
    }));
    console.log(`undecodable, one in a hundred: ${JSON.stringify({ sent: COUNT, dead: dead.length, ...headers[0] })}`);
    expect(new Set(headers.map(({ reason, tries }) => `${reason} ${tries}`))).toEqual(new Set(['decode 1']));
    expect(new Set(await load.outputs()).size).toBe((COUNT * 99) / 100);
    await app.close();
  });

  it('a server that takes its time to load what it has', async () => {
    await start(...AOF);
    load = await Load.open(server.url);
    await joinThree();
    const sending = load.send(COUNT, 3_000);
    await delay(1_000);
    await server.kill();
    const restarting = server.restart(['--key-load-delay', '100', '--loading-process-events-interval-bytes', '1024']);
    const answers = new Set<string>();
    while (!(await Promise.race([restarting.then(() => true), delay(50, false)]))) answers.add(await answerOf(server));
    expect([...answers]).toContainEqual(expect.stringContaining('LOADING'));
    await sending;
    await load.complete('LOADING');
  });
});

function fieldOf(fields: readonly string[], name: string): string | undefined {
  return fields[fields.indexOf(`h:x-${name}`) + 1];
}

async function answerOf({ url }: RedisServer): Promise<string> {
  const client = new Redis(url, { enableReadyCheck: false, maxRetriesPerRequest: 0, retryStrategy: () => null });
  client.on('error', () => {}); // it may not listen yet
  const answer = await client.ping().catch((error: Error) => error.message);
  client.disconnect();
  return answer;
}
