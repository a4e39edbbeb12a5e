import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { avroSchemaOf } from '../../lib/avro/index.js';
import {
  Consumer,
  type MessageContext,
  MessagingModule,
  ProducerService,
  type RedisOptions,
  type TopicClass,
} from '../../lib/index.js';
import { Connections } from '../../lib/connection/connections.js';
import { AvroCodec } from '../../lib/serialization/avro/avro-codec.js';
import { fingerprintOf } from '../../lib/serialization/avro/single-object.js';
import { order, Order } from '../support/avro-models.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { startApp, type StartedApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';

const url = brokerAddress('redis');
const registry = brokerAddress('registry');

const topicOf = <More extends object>(more: More) =>
  ({ topicName: unique('orders'), cleanupPolicy: 'delete', ...more }) as const;
const orders = () => topicOf({ schema: Order, keySchema: 'long' as const, format: 'avro' as const });

describe.skipIf(url === undefined)('topic classes on Redis', () => {
  const apps: StartedApp[] = [];
  let client: Redis;
  beforeEach(() => void (client = new Redis(url ?? '', { protocol: 2 })));
  afterEach(async () => {
    for (const { app } of apps.splice(0)) await app.close();
    client.disconnect();
  });

  const start = async (topic: TopicClass, seen: unknown[] = [], more: RedisOptions = {}) => {
    @Injectable()
    class Reader {
      @Consumer({ topic, groupId: unique('group') })
      async onMessage(message: unknown, { key }: MessageContext) {
        seen.push([key, message]);
      }
    }
    const options = { redis: { url: url ?? '', ...more } };
    const started = await startApp({ options, imports: [MessagingModule.forFeature([topic])], providers: [Reader] });
    apps.push(started);
    return started;
  };
  /** The fields of each entry, as bytes. */
  const entries = async (stream: string) => {
    const rows = (await client.xrangeBuffer(stream, '-', '+')) as [Buffer, Buffer[]][];
    return rows.map(([, fields]) => {
      const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[String(name), fields[at + 1]] as const] : []));
      return Object.fromEntries(pairs) as Record<string, Buffer>;
    });
  };

  it('Avro without a registry is single objects in the stream: values and keys come back with all their types', async () => {
    const topic = orders();
    const seen: unknown[] = [];
    const { app } = await start(topic, seen);
    await app.get(ProducerService).send({ topic, message: order(7), key: 7 });
    await eventually(() => expect(seen).toEqual([[7, Object.assign(order(7), { note: null })]]));
    expect((seen[0] as [number, unknown])[1]).toBeInstanceOf(Order);
    const [entry] = await entries(topic.topicName);
    const fingerprint = fingerprintOf(new AvroCodec(avroSchemaOf(Order), { isOwn: true }).canonical);
    expect(entry?.['data']?.subarray(0, 10)).toEqual(Buffer.concat([Buffer.from('c301', 'hex'), fingerprint]));
    expect(entry?.['key']?.subarray(0, 2).toString('hex')).toBe('c301');
  });

  it('bytes that are no Avro are a dead letter, untouched', async () => {
    const topic = orders();
    await start(topic);
    const poison = Buffer.from('c3010102030405060708ff00fe', 'hex');
    await client.xadd(topic.topicName, '*', 'data', poison);
    await eventually(async () => {
      const [letter] = await entries(`${topic.topicName}-dlq`);
      expect(letter?.['data']).toEqual(poison);
      expect(String(letter?.['h:x-error-class'])).toBe('WireFormatError');
    });
  });

  it.skipIf(registry === undefined)('Avro with a registry is framed, byte by byte as on Kafka', async () => {
    const topic = orders();
    const seen: unknown[] = [];
    const { app } = await start(topic, seen, { schemaRegistryUrl: registry ?? '' });
    await app.get(ProducerService).send({ topic, message: order(200), key: 200 });
    await eventually(() => expect(seen).toEqual([[200, Object.assign(order(200), { note: null })]]));
    const [entry] = await entries(topic.topicName);
    const id = entry?.['data']?.readInt32BE(1);
    expect(entry?.['data']?.[0]).toBe(0);
    const registered = await fetch(`${registry}/schemas/ids/${id}`);
    expect(JSON.parse(((await registered.json()) as { schema: string }).schema)).toEqual(avroSchemaOf(Order));
  });

  it('what a class declares is made, what it declares otherwise is told, and nothing is altered', async () => {
    const topic = topicOf({ partitions: 2, retentionMs: 86_400_000 });
    const { app } = await start(topic);
    await app.get(ProducerService).send({ topic, message: { a: 1 }, key: 'k' });
    const { log } = await start({ ...topic, retentionMs: 3_600_000 });
    expect(log.texts('warn')).toContain(
      `Topic \`${topic.topicName}\` is not as its class says: retentionMs 86400000 → 3600000. Nothing was changed: alter the topic, or the class.`,
    );
    const { admin } = await app.get(Connections).get().open();
    expect(await admin.describe([topic.topicName])).toMatchObject([{ partitions: 2 }]);
    expect(await admin.settings?.([topic.topicName])).toMatchObject([{ retentionMs: 86_400_000 }]);
  });

  it.each<[string, object, RegExp]>([
    ['compacted topics', { cleanupPolicy: 'compact' }, /wants `cleanupPolicy` compact, which Redis Streams have not/],
    ['copies', { replicationFactor: 3 }, /wants `replicationFactor` 3, which Redis has not/],
  ])(
    'what Redis has not is an error at start, of a new topic and of one that is there: %s',
    async (_what, more, text) => {
      const topic = topicOf({});
      await expect(start({ ...topic, ...more })).rejects.toThrow(text);
      expect(await client.exists(topic.topicName)).toBe(0);
      await start(topic);
      await expect(start({ ...topic, ...more })).rejects.toThrow(text);
    },
  );

  it('another number of partitions than the topic has is an error at start', async () => {
    const topic = topicOf({ partitions: 4 });
    await start(topic);
    await expect(start({ ...topic, partitions: 2 })).rejects.toThrow('Declare 4, or take a new topic.');
  });
});
