import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { BrokerUnavailableError, MessagingError } from '../../lib/core/errors.js';
import type { ConfluentAdmin } from '../../lib/driver/confluent/confluent.admin.js';
import type { DriverStatus } from '../../lib/driver/driver.js';
import type { GroupMember } from '../../lib/driver/kafka/group-member.js';
import { driverFactory } from '../../lib/driver/driver.factory.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { TestMember } from '../contract/test-member.js';
import { KafkaServer } from '../support/brokers/kafka.js';
import { API, TappedKafka } from '../support/brokers/wire-tap.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { TestLog } from '../support/test-log.js';
import { unique } from '../support/unique.js';
import { openDriver, readAll, tell, type DriverSpec } from './support.js';

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

  it('takes the connection of a member down that does not send, and up again', { timeout: 90_000 }, async () => {
    const { driver, topic, send, isDown, close } = await open();
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    await eventually(() => expect(member.assigned).toHaveLength(1), PATIENCE_MS);
    await server.kill();
    await eventually(() => expect(isDown()).toBe(true), PATIENCE_MS);
    await server.restart();
    await eventually(() => expect(isDown()).toBe(false), PATIENCE_MS); // although nobody sends
    await send('after');
    await eventually(() => expect(member.values).toEqual(['after']), PATIENCE_MS);
    await close();
  });

  it('knows no offset of a leader whose connection breaks before it answers', { timeout: 60_000 }, async () => {
    const kafka = await TappedKafka.start(['confluent']);
    const tap = kafka.tap('confluent');
    const driver = await openDriver('confluent', kafka.address('confluent'));
    const topic = unique('faults');
    await driver.admin.create([{ topic, partitions: 1 }]);
    await driver.send([record(topic, 'one')], Date.now() + PATIENCE_MS);
    const ends = () => (driver.admin as ConfluentAdmin).ends([{ topic, partition: 0 }]);
    expect(await ends()).toEqual([{ topic, partition: 0, offset: '1' }]);
    const before = tap.of(API.listOffsets, topic).length;
    tap.freeze();
    const asking = ends().catch((error: unknown) => error);
    await eventually(() => expect(tap.of(API.listOffsets, topic)).toHaveLength(before + 1), PATIENCE_MS);
    tap.cut();
    expect(await asking).toBeInstanceOf(BrokerUnavailableError);
    await eventually(async () => expect(await ends()).toEqual([{ topic, partition: 0, offset: '1' }]), PATIENCE_MS);
    await driver.close(deadlineIn(systemClock, 5_000));
    await kafka.stop();
  });

  it('closes in time while a question about groups waits for its answer', { timeout: 60_000 }, async () => {
    const sockets: Socket[] = [];
    let isSilent = true;
    const silent = createServer((socket) => void (isSilent ? sockets.push(socket) : socket.destroy()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const input = { backend: 'confluent', bootstrapServers: `127.0.0.1:${port}` } as const;
    const options = resolveOptions(kafkaOptions, { path: '', input, faults: [] });
    const driver = await driverFactory.create(
      { kind: 'kafka', name: 'kafka', options, explicitClientId: undefined },
      { connection: 'kafka', clock: systemClock, log: new TestLog(), onStatus: () => {} },
    );
    const asking = driver.brokerAdmin?.listGroups().catch((error: unknown) => error);
    await eventually(() => expect(sockets).toHaveLength(1), PATIENCE_MS);
    let isClosed = false;
    void driver.close(deadlineIn(systemClock, 500)).then(() => (isClosed = true));
    await eventually(() => expect(isClosed).toBe(true), 10_000); // a request may take 30 s
    isSilent = false;
    for (const socket of sockets) socket.destroy();
    expect(await asking).toBeInstanceOf(MessagingError);
    await new Promise((resolve) => silent.close(resolve));
  });

  it('knows of a commit what the broker says of it', { timeout: 60_000 }, async () => {
    const { driver, topic, close } = await open();
    const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
    await eventually(() => expect(member.assigned).toHaveLength(1), PATIENCE_MS);
    const { member: client } = member.subscription as unknown as { readonly member: GroupMember };
    const position = { topic, partition: 0, offset: '0' };
    const tooLong = 'x'.repeat(5_000); // `offset.metadata.max.bytes`
    await expect(client.commit([{ ...position, metadata: tooLong }])).rejects.toMatchObject({ code: 12 });
    const started = performance.now();
    for (let n = 0; n < 50; n++) await client.commit([{ ...position, metadata: `v${n}` }]);
    const took = Math.round((performance.now() - started) / 50);
    tell({ test: 'commit', backend: 'confluent', msEach: took });
    expect(took).toBeLessThan(50); // a poll loop that slept would take 100
    await close();
  });

  it('replaces a producer that is over, and sends what comes after it', { timeout: 90_000 }, async () => {
    // with this setting a record that the broker refuses is fatal: librdkafka's producer takes nothing more
    const { driver, statuses, isDown, close } = await open({ native: { 'enable.gapless.guarantee': true } });
    const topic = unique('small');
    await driver.admin.create([{ topic, partitions: 1, configs: { 'max.message.bytes': '1000' } }]);
    const send = (value: string) => driver.send([record(topic, value)], Date.now() + PATIENCE_MS);
    await send('before');
    expect((await send('x'.repeat(20_000)))[0]).toBeInstanceOf(MessagingError);
    const results = (await Promise.all(['1', '2', '3'].map(send))).flat();
    expect(results.filter((result) => result instanceof MessagingError)).toEqual([]);
    expect(statuses.map(({ state }) => state)).toEqual(['down', 'up']);
    expect((await send('after'))[0]).toMatchObject({ offset: expect.any(String) as string });
    expect(isDown()).toBe(false);
    await close();
    expect(readAll(server.bootstrapServers, topic)).toEqual(['before', '1', '2', '3', 'after']);
  });
});
