import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { AvroField, AvroModel, avroSchemaOf } from '../../lib/avro/index.js';
import {
  Consumer,
  EventTopic,
  type MessageContext,
  MessagingModule,
  ProducerService,
  type TopicClass,
} from '../../lib/index.js';
import { Connections } from '../../lib/connection/connections.js';
import { order, Order } from '../support/avro-models.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { hasPython } from '../support/programs.js';
import { startApp, type StartedApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';

const kafka = brokerAddress('kafka');
const registry = brokerAddress('registry');
const namespace = 'com.example';

@AvroModel({ namespace })
class Login {
  @AvroField() userId!: bigint;
  @AvroField() at!: Date;
}

/** The same record as an older service knows it. */
@AvroModel({ namespace: 'com.older', name: 'Login' })
class OlderLogin {
  @AvroField() userId!: bigint;
}

type Seen = (readonly [key: unknown, message: unknown])[];

describe.skipIf(kafka === undefined || registry === undefined)('Avro on Kafka with a registry', () => {
  const apps: StartedApp[] = [];
  afterEach(async () => {
    for (const { app } of apps.splice(0)) await app.close();
  });

  const start = async (topic: TopicClass, seen: Seen, others: readonly TopicClass[] = []) => {
    @Injectable()
    class Reader {
      @Consumer({ topic, groupId: unique('group') })
      async onMessage(message: unknown, { key }: MessageContext) {
        seen.push([key, message]);
      }
    }
    const options = { kafka: { bootstrapServers: kafka ?? '', schemaRegistryUrl: registry } };
    const imports = [MessagingModule.forFeature([topic, ...others])];
    const started = await startApp({ options, imports, providers: [Reader] });
    apps.push(started);
    return started;
  };

  it('one service reads what another wrote with a newer schema, as its own class', async () => {
    const topicName = unique('logins');
    class Logins extends EventTopic {
      static readonly topicName = topicName;
      static readonly schema = Login;
      static override readonly format = 'avro';
    }
    class OlderLogins extends EventTopic {
      static readonly topicName = topicName;
      static readonly schema = OlderLogin;
      static override readonly format = 'avro';
    }
    const [newer, older]: [Seen, Seen] = [[], []];
    const { app } = await start(Logins, newer);
    await start(OlderLogins, older);
    const message = { userId: 2n ** 60n, at: new Date('2024-01-01T00:00:00.123Z') };
    await app.get(ProducerService).send({ topic: Logins, message, key: 'k' });
    const expected = [[['k', message]], [['k', { userId: 2n ** 60n }]]];
    await eventually(() => expect([newer, older]).toEqual(expected), 20_000);
    expect(newer[0]?.[1]).toBeInstanceOf(Login);
    expect(older[0]?.[1]).toBeInstanceOf(OlderLogin);
    const registered = await fetch(`${registry}/subjects/${topicName}-value/versions/latest`);
    expect(JSON.parse(((await registered.json()) as { schema: string }).schema)).toEqual(avroSchemaOf(Login));
  });

  it('has the schemas of a topic that nobody here reads before anything is sent', async () => {
    const [read, written] = [ordersIn(unique('read')), ordersIn(unique('written'))];
    await start(read, [], [written]);
    const subjects = [read, written].flatMap(({ topicName }) => [`${topicName}-value`, `${topicName}-key`]);
    const answers = await Promise.all(subjects.map((subject) => fetch(`${registry}/subjects/${subject}/versions`)));
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 200, 200]);
  });

  it.runIf(hasPython('kafka, avro.io', 'install python3-kafka and python3-avro'))(
    'another implementation reads what we wrote by its id, and we read what it writes by an id of its own',
    async () => {
      const [ours, theirs] = [ordersIn(unique('ours')), ordersIn(unique('theirs'))];
      const seen: Seen = [];
      const { app } = await start(theirs, seen, [ours]);
      const sent = [order(7), Object.assign(order(8), { note: 'höher €', labels: {}, lines: [] })];
      for (const message of sent) await app.get(ProducerService).send({ topic: ours, message, key: message.id });
      const peer = ['test/support/registry_peer.py', kafka ?? '', registry ?? '', ours.topicName, theirs.topicName];
      const child = Child.run('/usr/bin/python3', [...peer, String(sent.length)]);
      expect(await child.end()).toBe(0);
      const plain = { customer_id: 9_007_199_254_740_992, total: '12.34', color: 'BLUE', uuid: order().uuid };
      expect(child.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
        { key: 7, value: { ...plain, id: 7, note: null, labels: { a: 'b' }, lines: [{ sku: 'a', count: 2 }] } },
        { key: 8, value: { ...plain, id: 8, note: 'höher €', labels: {}, lines: [] } },
      ]);
      const received = sent.map((one) => [one.id, Object.assign(one, { note: one.note ?? null })]);
      await eventually(() => expect(seen).toEqual(received), 20_000);
      expect(seen.map(([, message]) => message instanceof Order)).toEqual([true, true]);
    },
  );
});

describe.each(kafkaBackends())('a topic on Kafka that is not as its class says: %s', (backend) => {
  const apps: StartedApp[] = [];
  afterEach(async () => {
    for (const { app } of apps.splice(0)) await app.close();
  });
  const start = async (topic: TopicClass) => {
    const options = { kafka: { bootstrapServers: kafka ?? '', backend } };
    const started = await startApp({ options, imports: [MessagingModule.forFeature([topic])] });
    apps.push(started);
    return started;
  };

  it.each([
    ['more', 5, 'partitions 3 → 5 (more partitions send keys elsewhere: their order begins anew)'],
    ['fewer', 2, 'partitions 3 → 2 (partitions cannot be taken away; that needs another topic)'],
  ])('is told at start, and stays as it is: %s partitions', async (_what, partitions, text) => {
    const topicName = unique('drift');
    const topic = { topicName, cleanupPolicy: 'delete', partitions: 3, retentionMs: 60_000 } as const;
    const { app } = await start(topic);
    await app.get(ProducerService).send({ topic, message: 1, partition: 2 });
    const other = { ...topic, cleanupPolicy: 'compact', partitions, retentionMs: 70_000 } as const;
    const { log } = await start(other);
    expect(log.texts('warn')).toContain(
      `Topic \`${topicName}\` is not as its class says: ${text}; retentionMs 60000 → 70000; cleanupPolicy delete → compact. Nothing was changed: alter the topic, or the class.`,
    );
    const { admin } = await app.get(Connections).get().open();
    expect(await admin.describe([topicName])).toMatchObject([{ partitions: 3 }]);
    expect(await admin.settings?.([topicName])).toMatchObject([{ retentionMs: 60_000, cleanupPolicy: 'delete' }]);
  });
});

const ordersIn = (topicName: string) => {
  const settings = { keySchema: 'long', format: 'avro', cleanupPolicy: 'delete', partitions: 1 } as const;
  return { topicName, schema: Order, ...settings };
};
