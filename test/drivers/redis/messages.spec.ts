import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import { MessagingError } from '../../../lib/core/errors.js';
import { HEADER } from '../../../lib/core/header-names.js';
import type { OutgoingRecord, SentRecord } from '../../../lib/core/message.js';
import { ACK } from '../../../lib/core/outcome.js';
import type { Driver } from '../../../lib/driver/driver.js';
import type { RedisOptions } from '../../../lib/options/redis.options.js';
import { retryTopicOf } from '../../../lib/topic/topic-names.js';
import { TestMember } from '../../contract/test-member.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { eventually } from '../../support/eventually.js';
import { record } from '../../support/records.js';
import { unique } from '../../support/unique.js';
import { openRedisDriver } from './support.js';

const run = promisify(execFile);
const url = brokerAddress('redis') ?? '';

describe.runIf(url !== '')('messages in Redis', () => {
  const opened: Driver[] = [];
  let client: Redis;
  let driver: Driver;
  let topic: string;

  const open = async (options: RedisOptions = {}): Promise<Driver> => {
    const { driver: one } = await openRedisDriver({ url, claimIdleMs: 1_500, ...options });
    opened.push(one);
    return one;
  };
  const send = async (one: OutgoingRecord): Promise<SentRecord> => {
    const [result] = await driver.send([one], Date.now() + 10_000);
    if (result instanceof MessagingError) throw result;
    return result as SentRecord;
  };
  const cli = async (...args: string[]): Promise<string> => {
    const { hostname, port } = new URL(url);
    return (await run('redis-cli', ['-h', hostname, '-p', port, ...args])).stdout;
  };

  beforeEach(async () => {
    client = new Redis(url, { protocol: 2 });
    driver = await open();
    topic = unique('topic');
    await driver.admin.create([{ topic }]);
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close(deadlineIn(systemClock, 3_000))));
    client.disconnect();
  });

  it('can be read with redis-cli', async () => {
    const headers = [['source', Buffer.from('web')]] as const;
    const { offset } = await send(record(topic, '{"id":1}', { key: 'customer-7', headers }));
    const lines = (await cli('XRANGE', topic, '-', '+')).trim().split('\n');
    expect(lines).toEqual([
      offset,
      'id',
      expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      'data',
      '{"id":1}',
      'key',
      'customer-7',
      'h:source',
      'web',
    ]);
  });

  it('may come from a plain XADD with the documented fields, or with any', async () => {
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    await cli(
      'XADD',
      topic,
      '*',
      'data',
      '{"id":1}',
      'key',
      'k',
      'ct',
      'text/plain',
      'h:source',
      'cli',
      'ts',
      '1700000000000',
    );
    await cli('XADD', topic, '*', 'sensor', '7', 'celsius', '21.5');
    await cli('XADD', topic, '*', 'null', '1', 'key', 'gone');
    await eventually(() => expect(member.seen).toHaveLength(3));
    expect(member.seen[0]).toMatchObject({
      key: Buffer.from('k'),
      timestamp: 1_700_000_000_000,
      headers: [
        ['content-type', Buffer.from('text/plain')],
        ['source', Buffer.from('cli')],
      ],
    });
    expect(member.values).toEqual(['{"id":1}', '{"sensor":"7","celsius":"21.5"}', 'null']);
    expect(member.seen[2]?.value).toBeNull();
  });

  it('are found and written under the prefix, and in the field that the options name', async () => {
    driver = await open({ prefix: 'shop:', payloadField: 'body' });
    await driver.admin.create([{ topic }]);
    await send(record(topic, 'x'));
    const [[, fields] = ['', []]] = await client.xrange(`shop:${topic}`, '-', '+');
    expect(fields).toEqual(['id', expect.any(String), 'body', 'x']);
  });

  it('with one idempotency key are written once', async () => {
    const same = record(topic, 'x', { idempotencyKey: 'order-1' });
    const [first, second] = [await send(same), await send(same)];
    expect(second).toEqual(first);
    await send(record(topic, 'y', { idempotencyKey: 'order-2' }));
    expect(await client.xlen(topic)).toBe(2);
    expect(await client.pttl(`${topic}:dd:order-1`)).toBeGreaterThan(50_000);
  });

  it('writes an idempotencyKey anew when dedupeTtlMs is over', async () => {
    driver = await open({ dedupeTtlMs: 400 });
    const same = record(topic, 'x', { idempotencyKey: 'order-1' });
    const { offset } = await send(same);
    expect((await send(same)).offset).toBe(offset);
    await eventually(async () => expect((await send(same)).offset).not.toBe(offset));
    expect(await client.xlen(topic)).toBe(2);
  });

  it('with dueAt are seen by nobody before, and by one afterwards', async () => {
    const second = await open();
    const groupId = unique('group');
    const [a, b] = [driver, second].map((one) => TestMember.join(one, { topics: [topic], groupId }));
    const dueAt = Date.now() + 700;
    expect(await send(record(topic, 'later', { key: 'k', dueAt }))).toEqual({ topic, partition: -1, offset: '' });
    await send(record(topic, 'now'));
    const seen = () => [...(a?.seen ?? []), ...(b?.seen ?? [])].map(({ value }) => String(value));
    await eventually(() => expect(seen()).toEqual(['now']));
    await eventually(() => expect(seen()).toEqual(['now', 'later']));
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt);
    expect(Date.now()).toBeLessThan(dueAt + 1_000);
    expect(await client.exists(`${topic}:delayed`)).toBe(0);
  });

  it('10,000 delayed ones are moved once each by two processes at the same time', async () => {
    const second = await open();
    const dueAt = Date.now() + 300;
    const list = Array.from({ length: 5_000 }, (_, index) => record(topic, String(index), { dueAt }));
    const sends = [driver, second].map((one) => one.send(list, Date.now() + 10_000));
    expect((await Promise.all(sends)).flat().filter((result) => result instanceof MessagingError)).toEqual([]);
    await eventually(async () => expect(await client.zcard(`${topic}:delayed`)).toBe(0));
    expect(await client.xlen(topic)).toBe(10_000);
  });

  it('that are tried again later wait in a set of their group, apart from those sent with a delay', async () => {
    const groupId = unique('group');
    const retryTopic = retryTopicOf(topic, groupId);
    await driver.admin.create([{ topic: retryTopic }]);
    const dueAt = Date.now() + 1_500;
    const headers = [[HEADER.originalTopic, Buffer.from(topic)]] as const;
    const again = record(retryTopic, 'again', { key: 'k', headers });
    const member = TestMember.join(driver, {
      topics: [topic, retryTopic],
      groupId,
      handle: ({ value }) => (String(value) === 'first' ? { kind: 'retryLater', record: again, dueAt } : ACK),
    });
    await send(record(topic, 'first'));
    await eventually(() => expect(member.settled).toHaveLength(1));
    expect(await client.zcard(`${topic}:${groupId}:delayed`)).toBe(1);
    expect(await client.exists(`${topic}:delayed`)).toBe(0);
    expect((await client.xpending(topic, groupId))[0]).toBe(0);
    await eventually(() => expect(member.values).toEqual(['first', 'again']));
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt);
    expect(member.seen[1]?.partition.topic).toBe(retryTopic);
  });

  it('whose outputs fail halfway leave no output behind, and stay pending', async () => {
    const [good, bad, groupId] = [unique('good'), unique('bad'), unique('group')];
    await driver.admin.create([{ topic: good }, { topic: bad }]);
    await driver.send([record(bad, 'x')], Date.now() + 5_000);
    await client.set(bad, 'not a stream');
    let failure: unknown;
    const member = TestMember.join(driver, { topics: [topic], groupId });
    member.onDeliveries = (_partition, deliveries) => {
      for (const delivery of deliveries)
        Promise.resolve(
          member.subscription.settle(delivery, { kind: 'ack', outputs: [record(good, 'x'), record(bad, 'y')] }),
        ).catch((error: unknown) => (failure = error));
    };
    await send(record(topic, 'task'));
    await eventually(() => expect(failure).toMatchObject({ code: 'TOPIC_TYPE' }));
    expect(await client.xlen(good)).toBe(0);
    expect((await client.xpending(topic, groupId))[0]).toBe(1);
  });

  it('as large as maxMessageBytes arrive whole, and one byte more is refused with the figures', async () => {
    const frame = 64; // what a record without key and headers takes besides its value
    for (const maxMessageBytes of [1_048_576, 100_000_000]) {
      driver = await open({ maxMessageBytes, requestTimeoutMs: 30_000 });
      const value = Buffer.alloc(maxMessageBytes - frame, 'x');
      const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
      await send(record(topic, value));
      await eventually(() => expect(member.settled).toHaveLength(maxMessageBytes === 1_048_576 ? 1 : 2), 30_000);
      expect(member.seen.at(-1)?.value?.equals(value)).toBe(true);
      const refused = send(record(topic, Buffer.concat([value, Buffer.from('y')])));
      await expect(refused).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE', retryable: false, topic });
      await expect(refused).rejects.toThrow(
        `Message to topic \`${topic}\` has ${maxMessageBytes + 1} bytes; \`maxMessageBytes\` is ${maxMessageBytes}.`,
      );
    }
  });

  it('of 10 MB are read one by one, and not as many as the window would take', async () => {
    driver = await open({ maxMessageBytes: 20_000_000, prefetchBytes: 8_388_608 });
    const held: number[] = [];
    const value = Buffer.alloc(10_000_000, 'x');
    for (let index = 0; index < 6; index++) await send(record(topic, value));
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    member.onDeliveries = (_partition, deliveries) => {
      held.push(deliveries.length);
      for (const delivery of deliveries) void member.subscription.settle(delivery, ACK);
    };
    await eventually(() => expect(held.reduce((sum, count) => sum + count, 0)).toBe(6));
    expect(Math.max(...held)).toBe(1);
  });
});
