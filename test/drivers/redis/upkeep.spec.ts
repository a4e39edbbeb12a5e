import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import { Janitor } from '../../../lib/driver/redis/janitor.js';
import { lagOf } from '../../../lib/driver/redis/lag.js';
import { RedisKeys } from '../../../lib/driver/redis/redis.keys.js';
import { RedisTopics } from '../../../lib/driver/redis/redis.topics.js';
import { redisOptions, type RedisOptions } from '../../../lib/options/redis.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { eventually } from '../../support/eventually.js';
import { TestLog } from '../../support/test-log.js';
import { unique } from '../../support/unique.js';
import { openRedisDriver } from './support.js';

const url = brokerAddress('redis') ?? '';
const WEEK_MS = 604_800_000;

describe.runIf(url !== '')('upkeep in Redis', () => {
  let client: Redis;
  let topics: RedisTopics;
  let log: TestLog;
  const topic = () => unique('topic');

  const janitor = (input: RedisOptions = {}): Janitor => {
    const options = resolveOptions(redisOptions, { path: '', input, faults: [] });
    return new Janitor({ client, clock: systemClock, log, topics, options });
  };
  /** Entries of 8 days ago and of now; the approximate trim removes whole nodes of 100. */
  const fill = async (stream: string): Promise<void> => {
    const old = Date.now() - WEEK_MS - 86_400_000;
    for (let index = 1; index <= 300; index++) await client.xadd(stream, `${old}-${index}`, 'data', 'old');
    for (let index = 0; index < 5; index++) await client.xadd(stream, '*', 'data', 'new');
  };

  beforeEach(() => {
    client = new Redis(url, { protocol: 2 });
    topics = new RedisTopics({ client, keys: new RedisKeys(''), connection: 'redis' });
    log = new TestLog();
  });

  afterEach(() => client.disconnect());

  it('removes what is older than the topic keeps, and tells the groups that had not read it', async () => {
    const name = topic();
    await topics.create({ topic: name });
    await client.xgroup('CREATE', name, 'behind', '0');
    await fill(name);
    await client.xgroup('CREATE', name, 'ahead', '$');
    await janitor().trim();
    expect(await client.xlen(name)).toBeLessThan(110);
    expect(log.texts('warn')).toEqual([
      expect.stringContaining(`Topic ${name} no longer has messages that group behind did not read`),
    ]);
  });

  it('keeps them as long as the topic itself says', async () => {
    const name = topic();
    await topics.create({ topic: name, retentionMs: WEEK_MS * 2 });
    await fill(name);
    await janitor().trim();
    expect(await client.xlen(name)).toBe(305);
  });

  it('keeps all where the topic says that its retention has no end (-1)', async () => {
    const name = topic();
    await topics.create({ topic: name, retentionMs: -1 });
    await fill(name);
    await janitor().trim();
    expect(await client.xlen(name)).toBe(305);
  });

  it('keeps all where it is not known how long, as in a command line without an app', async () => {
    const name = topic();
    await topics.create({ topic: name });
    await fill(name);
    await janitor({ retentionMs: Number.MAX_SAFE_INTEGER }).trim();
    expect(await client.xlen(name)).toBe(305);
  });

  it('keeps about maxLen entries', async () => {
    const name = topic();
    await topics.create({ topic: name, retentionMs: WEEK_MS * 2 });
    await fill(name);
    await janitor({ maxLen: 100 }).trim();
    expect(await client.xlen(name)).toBeLessThan(210);
  });

  it('leaves streams alone that other programs made', async () => {
    const name = topic();
    await fill(name);
    await topics.find(name);
    await janitor().trim();
    expect(await client.xlen(name)).toBe(305);
  });

  it('counts what a group has not read, also after entries were removed', async () => {
    const name = topic();
    await topics.create({ topic: name });
    const lag = async () => lagOf(client, name, 'group');
    expect(await lag()).toEqual({ undelivered: 0, isExact: true, pending: 0 });
    await client.xgroup('CREATE', name, 'group', '0');
    for (let index = 0; index < 12; index++) await client.xadd(name, '*', 'data', 'x');
    await client.xreadgroup('GROUP', 'group', 'm', 'COUNT', 2, 'STREAMS', name, '>');
    expect(await lag()).toEqual({ undelivered: 10, isExact: true, pending: 2 });
    await client.xtrim(name, 'MAXLEN', 5);
    expect(await lag()).toEqual({ undelivered: 5, isExact: true, pending: 2 });
    await client.xreadgroup('GROUP', 'group', 'm', 'COUNT', 9, 'STREAMS', name, '>');
    expect(await lag()).toEqual({ undelivered: 0, isExact: true, pending: 7 });
    await client.xadd(name, '*', 'data', 'x');
    expect(await lag()).toEqual({ undelivered: 1, isExact: true, pending: 7 });
  });

  it('counts members of other programs while they are heard of; a seek settles what they left behind', async () => {
    const [name, groupId] = [topic(), unique('group')];
    const { driver } = await openRedisDriver({ url, claimIdleMs: 1_500 });
    const { brokerAdmin: admin } = driver;
    if (!admin) throw new Error('no administration');
    await driver.admin.create([{ topic: name }]);
    for (let index = 0; index < 3; index++) await client.xadd(name, '*', 'data', String(index));
    await client.xgroup('CREATE', name, groupId, '0');
    await client.xreadgroup('GROUP', groupId, 'stranger', 'COUNT', 2, 'STREAMS', name, '>');
    const found = await admin.describeGroup(groupId);
    expect(found).toMatchObject({ members: 1, partitions: [{ lag: 3, member: 'stranger' }] });
    const end = await admin.positionsAt(name, { at: 'latest' });
    await expect(admin.seek(groupId, name, end)).rejects.toMatchObject({ code: 'GROUP_IN_USE' });
    await eventually(() => admin.seek(groupId, name, end));
    expect(await client.xpending(name, groupId)).toEqual([0, null, null, null]);
    expect(await admin.describeGroup(groupId)).toMatchObject({ members: 0, partitions: [{ lag: 0, member: null }] });
    await driver.close(deadlineIn(systemClock, 1_000));
  });

  it('lists streams of other programs, and no partition, side key or stranger under another prefix', async () => {
    const prefix = `${unique('pre')}[x]*:`;
    const { driver } = await openRedisDriver({ url, prefix });
    await driver.admin.create([{ topic: 'ours', partitions: 2 }, { topic: 'plain' }]);
    await client.xadd(`${prefix}theirs`, '*', 'data', 'x');
    await client.hset(`${prefix}string:meta`, 'partitions', '1');
    await client.set(`${prefix}string`, 'x');
    await client.zadd(`${prefix}ours:delayed`, 1, 'x');
    expect(await driver.brokerAdmin?.listTopics()).toEqual(['ours', 'plain', 'theirs']);
    await driver.close(deadlineIn(systemClock, 1_000));
  });

  it('ends members that died, and none that has messages pending', async () => {
    const name = topic();
    await topics.create({ topic: name });
    await client.xgroup('CREATE', name, 'group', '0');
    await client.xadd(name, '*', 'data', 'x');
    await client.xgroup('CREATECONSUMER', name, 'group', 'dead');
    await client.xreadgroup('GROUP', 'group', 'pending', 'COUNT', 1, 'STREAMS', name, '>');
    const own = janitor();
    own.watch(name, 'group');
    await own.bury(60_000);
    expect(await client.xinfo('CONSUMERS', name, 'group')).toHaveLength(2);
    await own.bury(0);
    const left = (await client.xinfo('CONSUMERS', name, 'group')) as string[][];
    expect(left.map((one) => one[1])).toEqual(['pending']);
    expect((await client.xpending(name, 'group'))[0]).toBe(1);
  });
});
