import { Injectable, type INestMicroservice } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { Driver, DeliverySink } from '../../lib/driver/driver.js';
import { driverFactory, type DriverFactory } from '../../lib/driver/driver.factory.js';
import { Consumer, type KafkaOptions, type MessageContext } from '../../lib/index.js';
import { DRIVER_FACTORY } from '../../lib/messaging.tokens.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { records } from '../support/records.js';
import { startApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const address = brokerAddress('kafka') ?? '';

/** What a connection says reaches the handlers of an app that say nothing themselves. */
describe.each(kafkaBackends())('a setting of the connection, in an app with %s', (backend) => {
  let app: INestMicroservice | undefined;
  afterEach(() => app?.close());

  const topicWith = async (count: number): Promise<string> => {
    const driver = await openDriver(backend, address);
    const topic = unique('settings-app');
    await driver.admin.create([{ topic, partitions: 1 }]);
    await driver.send(records(topic, count), Date.now() + 20_000);
    await driver.close(deadlineIn(systemClock, 5_000));
    return topic;
  };
  const start = async (topic: string, settings: KafkaOptions, drivers: DriverFactory = driverFactory) => {
    const seen: MessageContext[] = [];
    @Injectable()
    class Reader {
      @Consumer({ topic, groupId: unique('group') })
      async onMessage(_: unknown, context: MessageContext) {
        seen.push(context);
      }
    }
    const kafka = { backend, bootstrapServers: address, autoCommitIntervalMs: 100, ...settings };
    const started = await startApp({ options: { broker: 'kafka', kafka }, providers: [Reader] }, (builder) =>
      builder.overrideProvider(DRIVER_FACTORY).useValue(drivers),
    );
    app = started.app;
    return { seen, log: started.log };
  };

  it('autoOffsetReset: with none a handler of a new group fails, and says where', async () => {
    const topic = await topicWith(3);
    const { seen, log } = await start(topic, { autoOffsetReset: 'none' });
    await eventually(() =>
      expect(log.texts('error').join('\n')).toMatch(
        new RegExp(`has no position in partition 0 of topic \`${topic}\`, whose log goes from 0 to 3`),
      ),
    );
    expect(seen).toEqual([]);
  });

  it('maxPollRecords: no more is handed over at once', async () => {
    const topic = await topicWith(40);
    const sizes: number[] = [];
    const { seen } = await start(topic, { maxPollRecords: 7 }, watching(sizes));
    await eventually(() => expect(seen).toHaveLength(40));
    expect(Math.max(...sizes)).toBe(7);
  });

  it('enableAutoCommit: with false a handler acknowledges by itself', async () => {
    const topic = await topicWith(1);
    const { seen } = await start(topic, { enableAutoCommit: false });
    await eventually(() => expect(seen).toHaveLength(1));
    await expect(seen[0]?.ack()).resolves.toBeUndefined();
  });
});

/** The real drivers, with the sizes of what they hand over. */
function watching(sizes: number[]): DriverFactory {
  const watched = (sink: DeliverySink): DeliverySink => ({
    onAssigned: (partitions) => sink.onAssigned(partitions),
    onDeliveries: (partition, deliveries) => {
      sizes.push(deliveries.length);
      sink.onDeliveries(partition, deliveries);
    },
    onRevoking: (partitions, deadline) => sink.onRevoking(partitions, deadline),
    onLost: (partitions) => sink.onLost(partitions),
    onTaken: (...args) => sink.onTaken(...args),
    onError: (error, info) => sink.onError(error, info),
  });
  return {
    features: (connection) => driverFactory.features(connection),
    async create(connection, context) {
      const driver = await driverFactory.create(connection, context);
      const subscribe: Driver['subscribe'] = (request, sink) => driver.subscribe(request, watched(sink));
      return {
        features: driver.features,
        admin: driver.admin,
        connect: () => driver.connect(),
        send: (list, deadline) => driver.send(list, deadline),
        subscribe,
        close: (deadline) => driver.close(deadline),
      };
    },
  };
}
