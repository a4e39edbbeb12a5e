import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Consumer,
  type MessageContext,
  MessagingHealthIndicator,
  type MessagingOptions,
  ProducerService,
} from '../../lib/index.js';
import { Connections } from '../../lib/connection/connections.js';
import { frame } from '../../lib/registry/wire-format.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { FakeRegistry } from '../support/fake-registry.js';
import { startApp, type StartedApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';

const kafka = brokerAddress('kafka') ?? '';
const redis = brokerAddress('redis');

const onKafka = kafkaBackends().map((backend): [string, (url: string) => MessagingOptions] => [
  `Kafka, ${backend}`,
  (schemaRegistryUrl) => ({ kafka: { bootstrapServers: kafka, backend, schemaRegistryUrl } }),
]);
const onRedis: [string, (url: string) => MessagingOptions] = [
  'Redis',
  (schemaRegistryUrl) => ({ broker: 'redis', redis: { url: redis ?? '', retentionMs: 60_000, schemaRegistryUrl } }),
];

describe.each(redis === undefined ? onKafka : [...onKafka, onRedis])(
  'while the registry is down: %s',
  (_name, options) => {
    let registry: FakeRegistry;
    const apps: StartedApp[] = [];
    beforeEach(async () => void (registry = await FakeRegistry.start()));
    afterEach(async () => {
      for (const { app } of apps.splice(0)) await app.close();
      await registry.stop();
    });

    it('a partition waits: nothing is given up, no attempt is counted, and the order stays', async () => {
      const topic = unique('waiting');
      const seen: unknown[] = [];
      @Injectable()
      class Reader {
        @Consumer({ topic, groupId: unique('group'), maxRetries: 0 })
        async onMessage(message: unknown, { attempt }: MessageContext) {
          seen.push([message, attempt]);
        }
      }
      const started = await startApp({ options: options(registry.url), providers: [Reader] });
      apps.push(started);
      const { app } = started;
      const id = registry.add(`${topic}-value`, '"long"');
      registry.fault = { status: 503, body: 'busy' };
      const producer = app.get(ProducerService);
      await producer.send({ topic, message: frame(id, Buffer.from([4])), key: 'k', raw: true });
      await producer.send({ topic, message: { after: true }, key: 'k' });
      const health = () => app.get(MessagingHealthIndicator).readiness().messaging;
      await eventually(() => expect(health().degraded.join()).toContain('with 503'), 20_000);
      const asked = registry.requests.length;
      await eventually(() => expect(registry.requests.length).toBeGreaterThan(asked + 3), 20_000); // three are one search
      expect([health().status, seen]).toEqual(['up', []]);
      registry.fault = undefined;
      await eventually(() => expect(seen).toHaveLength(2), 20_000);
      expect(seen).toEqual([
        [2, 1],
        [{ after: true }, 1],
      ]);
      const { brokerAdmin } = await app.get(Connections).get().open();
      const dead = await brokerAdmin?.describeTopic(`${topic}-dlq`);
      expect(dead?.partitions.map(({ messages }) => messages).every((count) => count === 0)).toBe(true);
    });
  },
);
