import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessagingError } from '../../lib/core/errors.js';
import { KafkaServer } from '../support/brokers/kafka.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, readAll, tell } from './support.js';

const OUTAGE_MS = 20_000;

describe.each(kafkaBackends())('%s while the broker is away for 20 s', (backend) => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await KafkaServer.start();
  });
  afterAll(() => server?.stop());

  it('rejects no send, and writes every one', { timeout: 120_000 }, async () => {
    const topic = unique('outage');
    const driver = await openDriver(backend, server.bootstrapServers, { requestTimeoutMs: 5_000 });
    await driver.admin.create([{ topic, partitions: 3 }]);
    const sends: Promise<readonly unknown[]>[] = [];
    const sendFor = async (ms: number) => {
      for (const end = Date.now() + ms; Date.now() < end; await delay(20)) {
        const value = `m${sends.length}`;
        sends.push(driver.send([record(topic, value, { key: value })], Date.now() + 120_000));
      }
    };
    await sendFor(1_000);
    const before = sends.length;
    const sending = sendFor(OUTAGE_MS + 1_000);
    await server.kill();
    await delay(OUTAGE_MS);
    const during = sends.length - before;
    await server.restart();
    await sending;
    const results = (await Promise.all(sends)).flat();
    await driver.close(deadlineIn(systemClock, 10_000));
    const rejected = results.filter((result) => result instanceof MessagingError).length;
    const written = readAll(server.bootstrapServers, topic);
    const found = new Set(written);
    const lost = sends.filter((_, index) => !found.has(`m${index}`)).length;
    tell({
      test: 'outage',
      backend,
      sends: sends.length,
      during,
      rejected,
      lost,
      duplicates: written.length - found.size,
    });
    expect({ rejected, lost }).toEqual({ rejected: 0, lost: 0 });
    expect(during).toBeGreaterThan(500);
  });
});
