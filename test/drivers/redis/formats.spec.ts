import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import { MessagingError } from '../../../lib/core/errors.js';
import type { OutgoingRecord } from '../../../lib/core/message.js';
import type { Driver } from '../../../lib/driver/driver.js';
import type { RedisOptions } from '../../../lib/options/redis.options.js';
import { TestMember } from '../../contract/test-member.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { eventually } from '../../support/eventually.js';
import { record } from '../../support/records.js';
import { unique } from '../../support/unique.js';
import { Proxy } from './proxy.js';
import { openRedisDriver } from './support.js';

const url = brokerAddress('redis') ?? '';
const BINARY = Buffer.from([0, 0xff, 0xfe]);
const HEADERS = [['source', Buffer.from('web')]] as const;
const anyId = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;

interface Peer {
  readonly entryFormat: NonNullable<RedisOptions['entryFormat']>;
  /** As the peer writes an entry with the value {"id":1} and the header `source`. */
  readonly theirs: readonly string[];
  /** As it finds ours, with a key besides. */
  readonly ours: readonly string[];
  readonly tombstone: readonly string[];
}

const PEERS: readonly Peer[] = [
  {
    entryFormat: 'default',
    theirs: ['data', '{"id":1}', 'h:source', 'web'],
    ours: ['id', anyId, 'data', '{"id":1}', 'key', 'customer-7', 'h:source', 'web'],
    tombstone: ['id', anyId, 'null', '1'],
  },
  {
    entryFormat: 'faststream-json',
    theirs: ['__data__', '{"data": "{\\"id\\":1}", "headers": {"source": "web"}}'],
    ours: ['id', anyId, '__data__', '{"data":"{\\"id\\":1}","headers":{"source":"web"}}', 'key', 'customer-7'],
    tombstone: ['id', anyId, 'null', '1', '__data__', '{"data":"","headers":{}}'],
  },
  {
    entryFormat: 'redpanda',
    theirs: ['source', 'web', 'body', '{"id":1}'],
    ours: ['x-message-id', anyId, 'body', '{"id":1}', 'x-key', 'customer-7', 'source', 'web'],
    tombstone: ['x-message-id', anyId, 'body', '', 'x-tombstone', '1'],
  },
];

describe.runIf(url !== '').each(PEERS)('entries in Redis with entryFormat $entryFormat', (peer) => {
  const opened: Driver[] = [];
  let client: Redis;
  let driver: Driver;
  let topic: string;

  const open = async (options: RedisOptions = {}): Promise<Driver> => {
    const { driver: one } = await openRedisDriver({ url, entryFormat: peer.entryFormat, ...options });
    opened.push(one);
    return one;
  };
  const send = async (...list: OutgoingRecord[]): Promise<void> => {
    const results = await driver.send(list, Date.now() + 20_000);
    for (const result of results) if (result instanceof MessagingError) throw result;
  };
  const fieldsOf = async (stream: string) => (await client.xrange(stream, '-', '+')).map(([, fields]) => fields);

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

  it('are what its peers read', async () => {
    await send(record(topic, '{"id":1}', { key: 'customer-7', headers: HEADERS }), record(topic, null));
    expect(await fieldsOf(topic)).toEqual([peer.ours, peer.tombstone]);
  });

  it('are read as its peers write them', async () => {
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    await client.xadd(topic, '*', ...peer.theirs);
    await client.xadd(topic, '*', 'sensor', '7');
    await eventually(() => expect(member.values).toEqual(['{"id":1}', '{"sensor":"7"}']));
    expect(member.seen[0]).toMatchObject({ key: null, headers: HEADERS });
  });

  it('come back as they were sent, bytes and tombstones too', async () => {
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    const list = [BINARY, Buffer.alloc(0), null].map((value) => record(topic, value, { key: 'k', headers: HEADERS }));
    await send(...list, record(topic, 'at', { timestamp: 1_700_000_000_000 }));
    await eventually(() => expect(member.seen).toHaveLength(4));
    expect(member.seen.slice(0, 3)).toMatchObject(list.map(({ key, value, headers }) => ({ key, value, headers })));
    expect(member.seen[3]).toMatchObject({ key: null, timestamp: 1_700_000_000_000 });
  });

  it('are those of outputs, dead letters and retries too', async () => {
    const [out, dlq, groupId] = [unique('out'), unique('dlq'), unique('group')];
    await driver.admin.create([{ topic: out }, { topic: dlq }]);
    const again = (value: Buffer) => record(topic, value, { headers: [['again', Buffer.from('1')]] });
    const member = TestMember.join(driver, {
      topics: [topic],
      groupId,
      handle: ({ value, headers }) => {
        if (headers.length > 0) return { kind: 'deadLetter', record: record(dlq, value, { headers }) };
        if (value?.equals(BINARY)) return { kind: 'retryLater', record: again(value), dueAt: Date.now() + 100 };
        return { kind: 'ack', outputs: [record(out, '{"id":1}', { key: 'customer-7', headers: HEADERS })] };
      },
    });
    await send(record(topic, BINARY), record(topic, 'x'));
    await eventually(async () => expect(await client.xlen(dlq)).toBe(1));
    expect(await fieldsOf(out)).toEqual([peer.ours]);
    const reader = TestMember.join(driver, { topics: [dlq], groupId });
    await eventually(() => expect(reader.seen).toHaveLength(1));
    expect(reader.seen[0]).toMatchObject({ value: BINARY, headers: [['again', Buffer.from('1')]] });
    expect(member.settled).toHaveLength(3);
  });

  it('are found again when the answer to a send was lost, and not written twice', async () => {
    const proxy = await Proxy.start(Number(new URL(url).port));
    driver = await open({ url: proxy.url });
    for (let round = 0; round < 3; round++) {
      await send(record(topic, 'before'));
      const { lost } = proxy;
      proxy.lose(1, 0);
      const sending = send(...[1, 2, 3].map((n) => record(topic, String(n), { headers: HEADERS })));
      await eventually(() => expect(proxy.lost).toBeGreaterThan(lost));
      proxy.lose(0, 0);
      await sending;
    }
    await proxy.stop();
    expect(await client.xlen(topic)).toBe(12);
  });

  if (peer.entryFormat === 'default') return; // it holds any record

  it('refuse a record that they cannot hold, and its output is a fault of its input', async () => {
    const twice = record(topic, 'x', { headers: [...HEADERS, ...HEADERS] });
    const [failed, written] = await driver.send([twice, record(topic, 'y')], Date.now() + 5_000);
    expect(failed).toMatchObject({ code: 'UNSUPPORTED_BY_BROKER', topic, retryable: false });
    expect((failed as MessagingError).message).toMatch(
      `A message to topic \`${topic}\` cannot be written with \`entryFormat: '${peer.entryFormat}'\`: The header \`source\` is repeated`,
    );
    expect(written).toMatchObject({ topic, partition: 0 });
    const groupId = unique('group');
    let fault: unknown;
    const member = TestMember.join(driver, { topics: [topic], groupId });
    member.onDeliveries = (_partition, [delivery]) => {
      if (!delivery) return;
      Promise.resolve(member.subscription.settle(delivery, { kind: 'ack', outputs: [twice] })).catch(
        (error: unknown) => (fault = error),
      );
    };
    await eventually(() => expect(fault).toMatchObject({ code: 'UNSUPPORTED_BY_BROKER' }));
    expect((await client.xpending(topic, groupId))[0]).toBe(1);
  });
});
