import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessagingError } from '../../lib/core/errors.js';
import type { DriverStatus } from '../../lib/driver/driver.js';
import { TestMember } from '../contract/test-member.js';
import { KafkaServer } from '../support/brokers/kafka.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, readAll, type DriverSpec } from './support.js';

const PATIENCE_MS = 30_000;

describe.runIf(kafkaBackends().includes('confluent'))('confluent: what librdkafka tells as an event only', () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await KafkaServer.start();
  });
  afterAll(() => server?.stop());

  const open = async (spec: DriverSpec = {}) => {
    const statuses: DriverStatus[] = [];
    const driver = await openDriver('confluent', server.bootstrapServers, {
      ...spec,
      onStatus: (status) => statuses.push(status),
    });
    const topic = unique('faults');
    await driver.admin.create([{ topic, partitions: 1 }]);
    const send = (value: string, ms = PATIENCE_MS) => driver.send([record(topic, value)], Date.now() + ms);
    const isDown = () => statuses.at(-1)?.state === 'down';
    return { driver, topic, send, statuses, isDown, close: () => driver.close(deadlineIn(systemClock, 5_000)) };
  };

  it('takes the connection down while no broker answers, and up again', { timeout: 90_000 }, async () => {
    const { send, statuses, isDown, close } = await open();
    await send('before');
    await server.kill();
    await eventually(() => expect(isDown()).toBe(true), PATIENCE_MS);
    expect(statuses.at(-1)).toMatchObject({ error: { name: 'BrokerUnavailableError' } });
    await server.restart();
    await send('after');
    expect(isDown()).toBe(false);
    await close();
  });

  it('takes the connection of a member down that does not send, and up again', { timeout: 90_000 }, async () => {
    const { driver, topic, send, isDown, close } = await open();
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    await eventually(() => expect(member.assigned).toHaveLength(1), PATIENCE_MS);
    await server.kill();
    await eventually(() => expect(isDown()).toBe(true), PATIENCE_MS);
    await server.restart();
    await send('after');
    await eventually(() => expect(member.values).toEqual(['after']), PATIENCE_MS);
    expect(isDown()).toBe(false);
    await close();
  });

  it('replaces a producer that is over, and writes what it left', { timeout: 90_000 }, async () => {
    // a message that is given up is fatal with this setting, and librdkafka's producer takes nothing more
    const { topic, send, statuses, isDown, close } = await open({
      deliveryTimeoutMs: 3_000,
      native: { 'enable.gapless.guarantee': true },
    });
    await send('before');
    server.signal('SIGSTOP');
    const [given] = await send('given up');
    server.signal('SIGCONT');
    expect(given).toBeInstanceOf(MessagingError);
    await eventually(() => expect(statuses).toMatchObject([{ state: 'down' }, { state: 'up' }]), PATIENCE_MS);
    const results = await Promise.all(['1', '2', '3'].map((value) => send(value)));
    expect(results.flat().filter((result) => result instanceof MessagingError)).toEqual([]);
    expect(isDown()).toBe(false);
    await close();
    expect(readAll(server.bootstrapServers, topic).slice(-3)).toEqual(['1', '2', '3']);
  });
});
