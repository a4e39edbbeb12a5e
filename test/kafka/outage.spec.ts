import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessagingError } from '../../lib/core/errors.js';
import { KafkaServer } from '../support/brokers/kafka.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, readAll, tell, type Backend, type DriverSpec } from './support.js';

const OUTAGE_MS = 20_000;
const backends = kafkaBackends();

const senders: readonly (readonly [string, Backend, DriverSpec])[] = [
  ['kafkajs', 'kafkajs', {}],
  ['kafkajs, idempotent', 'kafkajs', { enableIdempotence: true }],
  ['confluent', 'confluent', {}],
];

describe.runIf(backends.length > 0)('while the broker is away for 20 s', () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await KafkaServer.start();
  });
  afterAll(() => server?.stop());

  /** Sends one by one until it is told to end, and says what became of it. */
  const sender = async ([title, backend, spec]: (typeof senders)[number]) => {
    const topic = unique('outage');
    const driver = await openDriver(backend, server.bootstrapServers, { requestTimeoutMs: 5_000, ...spec });
    await driver.admin.create([{ topic, partitions: 3 }]);
    const sends: Promise<readonly unknown[]>[] = [];
    const sendUntil = async (end: number) => {
      for (; Date.now() < end; await delay(20)) {
        const value = `m${sends.length}`;
        sends.push(driver.send([record(topic, value, { key: value })], Date.now() + 120_000));
      }
    };
    const figures = async () => {
      const results = (await Promise.all(sends)).flat();
      await driver.close(deadlineIn(systemClock, 10_000));
      const rejected = results.filter((result) => result instanceof MessagingError).length;
      const written = readAll(server.bootstrapServers, topic);
      const found = new Set(written);
      const lost = sends.filter((_, index) => !found.has(`m${index}`)).length;
      return { title, sends: sends.length, rejected, lost, duplicates: written.length - found.size };
    };
    return { sendUntil, figures, count: () => sends.length };
  };

  it('no send is rejected, and every one is written', { timeout: 180_000 }, async () => {
    const all = await Promise.all(senders.filter(([, backend]) => backends.includes(backend)).map(sender));
    const sendFor = (ms: number) => Promise.all(all.map(({ sendUntil }) => sendUntil(Date.now() + ms)));
    await sendFor(1_000);
    const before = all.map(({ count }) => count());
    const sending = sendFor(OUTAGE_MS + 1_000);
    await server.kill();
    await delay(OUTAGE_MS);
    const during = all.map(({ count }, index) => count() - (before[index] ?? 0));
    await server.restart();
    await sending;
    for (const { figures } of all) {
      const result = await figures();
      tell({ test: 'outage', ...result });
      expect(result).toMatchObject({ rejected: 0, lost: 0 });
    }
    expect(Math.min(...during)).toBeGreaterThan(500);
  });
});
