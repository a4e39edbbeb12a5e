import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { AvroField, AvroModel, avroSchemaOf } from '../../lib/avro/index.js';
import { Consumer, EventTopic, MessagingModule, ProducerService, type TopicClass } from '../../lib/index.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
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

describe.skipIf(kafka === undefined || registry === undefined)('Avro on Kafka with a registry', () => {
  const apps: StartedApp[] = [];
  afterEach(async () => {
    for (const { app } of apps.splice(0)) await app.close();
  });

  const start = async (topic: TopicClass, seen: unknown[]) => {
    @Injectable()
    class Reader {
      @Consumer({ topic, groupId: unique('group') })
      async onMessage(message: unknown) {
        seen.push(message);
      }
    }
    const options = { kafka: { bootstrapServers: kafka ?? '', schemaRegistryUrl: registry } };
    const started = await startApp({ options, imports: [MessagingModule.forFeature([topic])], providers: [Reader] });
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
    const [newer, older]: [unknown[], unknown[]] = [[], []];
    const { app } = await start(Logins, newer);
    await start(OlderLogins, older);
    const message = { userId: 2n ** 60n, at: new Date('2024-01-01T00:00:00.123Z') };
    await app.get(ProducerService).send({ topic: Logins, message, key: 'k' });
    await eventually(() => expect([newer, older]).toEqual([[message], [{ userId: 2n ** 60n }]]), 20_000);
    expect(newer[0]).toBeInstanceOf(Login);
    expect(older[0]).toBeInstanceOf(OlderLogin);
    const registered = await fetch(`${registry}/subjects/${topicName}-value/versions/latest`);
    expect(JSON.parse(((await registered.json()) as { schema: string }).schema)).toEqual(avroSchemaOf(Login));
  });

  it('a topic that is not as its class says is told at start', async () => {
    const topicName = unique('drift');
    const topic = { topicName, cleanupPolicy: 'delete', partitions: 2, retentionMs: 60_000 } as const;
    await start(topic, []);
    const { log } = await start({ ...topic, cleanupPolicy: 'compact', partitions: 3, retentionMs: 70_000 }, []);
    expect(log.texts('warn')).toContain(
      `Topic \`${topicName}\` is not as its class says: partitions 2 → 3 (more partitions send keys elsewhere: their order begins anew); retentionMs 60000 → 70000; cleanupPolicy delete → compact. Nothing was changed: alter the topic, or the class.`,
    );
  });
});
