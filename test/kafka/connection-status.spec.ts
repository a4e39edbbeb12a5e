import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { DriverStatus } from '../../lib/driver/driver.js';
import { KafkaServer } from '../support/brokers/kafka.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const PATIENCE_MS = 30_000;
const backends = kafkaBackends();

describe.runIf(backends.length > 0)('a connection of which nobody consumes', () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await KafkaServer.start();
  });
  afterAll(() => server?.stop());

  const open = async (backend: (typeof backends)[number]) => {
    const statuses: DriverStatus[] = [];
    const driver = await openDriver(backend, server.bootstrapServers, {
      requestTimeoutMs: 1_000,
      onStatus: (status) => statuses.push(status),
    });
    const isDown = () => statuses.at(-1)?.state === 'down';
    const topic = unique('status');
    await driver.admin.create([{ topic, partitions: 1 }]);
    return { driver, topic, statuses, isDown, close: () => driver.close(deadlineIn(systemClock, 5_000)) };
  };

  it.each(backends)(
    'is down while no broker answers, and up again, although nobody sends: %s',
    async (backend) => {
      const { statuses, isDown, close } = await open(backend);
      await server.kill();
      await eventually(() => expect(isDown()).toBe(true), PATIENCE_MS);
      expect(statuses.at(-1)).toMatchObject({ error: { name: 'BrokerUnavailableError' } });
      await server.restart();
      await eventually(() => expect(isDown()).toBe(false), PATIENCE_MS);
      await close();
    },
    90_000,
  );

  it.each(backends)(
    'is down while a send waits for its broker, and up when it is written: %s',
    async (backend) => {
      const { driver, isDown, close } = await open(backend);
      const topic = unique('status');
      await driver.admin.create([{ topic, partitions: 1 }]);
      const send = (value: string) => driver.send([record(topic, value)], Date.now() + 60_000);
      await send('before');
      await server.kill();
      const sending = send('meanwhile');
      await eventually(() => expect(isDown()).toBe(true), PATIENCE_MS);
      await server.restart();
      expect(await sending).toMatchObject([{ topic }]);
      await eventually(() => expect(isDown()).toBe(false), PATIENCE_MS);
      await close();
    },
    90_000,
  );

  it.each(backends)(
    'is down while a send waits for a broker that is frozen: %s',
    async (backend) => {
      const { driver, topic, isDown, close } = await open(backend);
      const send = (value: string) => driver.send([record(topic, value)], Date.now() + 60_000);
      await send('before');
      server.signal('SIGSTOP');
      const sending = send('meanwhile');
      await eventually(() => expect(isDown()).toBe(true), PATIENCE_MS);
      server.signal('SIGCONT');
      expect(await sending).toMatchObject([{ topic }]);
      await eventually(() => expect(isDown()).toBe(false), PATIENCE_MS);
      await close();
    },
    90_000,
  );
});
