import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessageTooLargeError, MessagingError } from '../../lib/core/errors.js';
import type { Driver } from '../../lib/driver/driver.js';
import { DeliveryTimeoutError, ProducerService } from '../../lib/index.js';
import { API, readProduce, TappedKafka, type WireTap } from '../support/brokers/wire-tap.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { startApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';
import { openDriver, type DriverSpec } from './support.js';

const backends = kafkaBackends();

describe.runIf(backends.length > 0)('a setting', () => {
  let kafka: TappedKafka;
  beforeAll(async () => {
    kafka = await TappedKafka.start(backends);
  });
  afterAll(() => kafka?.stop());

  describe.concurrent.each(backends)('of a producer: %s', (backend) => {
    const tap = (): WireTap => kafka.tap(backend);
    const use = async <T>(spec: DriverSpec, work: (driver: Driver) => Promise<T>): Promise<T> => {
      const driver = await openDriver(backend, kafka.address(backend), spec);
      try {
        return await work(driver);
      } finally {
        await driver.close(deadlineIn(systemClock, 5_000));
      }
    };
    const newTopic = async (driver: Driver, partitions = 1): Promise<string> => {
      const topic = unique('settings');
      await driver.admin.create([{ topic, partitions }]);
      return topic;
    };
    const soon = () => Date.now() + 20_000;
    const produced = (topic: string) => tap().of(API.produce, topic).map(readProduce);
    const batches = (topic: string) => produced(topic).flatMap((request) => request.batches);

    it.sequential('bootstrapServers: the next address is asked when the first does not answer', async () => {
      await use({ bootstrapServers: `127.0.0.1:1, ${kafka.address(backend)}` }, async (driver) => {
        expect(await driver.send([record(await newTopic(driver), 'x')], soon())).toMatchObject([{ offset: '0' }]);
      });
    });

    it.sequential('clientId: every request carries it', async () => {
      const clientId = unique('client');
      await use({ clientId }, async (driver) => {
        const topic = await newTopic(driver);
        await driver.send([record(topic, 'x')], soon());
        expect(
          tap()
            .of(API.produce, topic)
            .map((request) => request.clientId),
        ).toEqual([clientId]);
      });
    });

    it.sequential('backend: the client library is the one that was chosen', async () => {
      const clientId = unique('client');
      await use({ clientId }, async (driver) => {
        await newTopic(driver);
        const own = tap().requests.filter((request) => request.clientId === clientId);
        const saysLibrdkafka = own.some(({ api, body }) => api === API.apiVersions && body.includes('librdkafka'));
        expect(saysLibrdkafka).toBe(backend === 'confluent');
      });
    });

    it.sequential.for([
      ['all', -1],
      [1, 1],
    ] as const)('acks: %s', async ([acks, sent]) => {
      await use({ acks }, async (driver) => {
        const topic = await newTopic(driver);
        expect(await driver.send([record(topic, 'x')], soon())).toMatchObject([{ offset: '0' }]);
        expect(produced(topic)).toMatchObject([{ acks: sent }]);
      });
    });

    it.sequential.for([true, false])(
      'enableIdempotence: the broker knows its producer, or not: %s',
      async (enableIdempotence) => {
        await use({ enableIdempotence }, async (driver) => {
          const topic = await newTopic(driver);
          await driver.send([record(topic, 'x')], soon());
          expect(batches(topic).map(({ producerId }) => producerId >= 0)).toEqual([enableIdempotence]);
        });
      },
    );

    it.sequential('requestTimeoutMs: an answer that does not come by then makes the request go again', async () => {
      await use({ requestTimeoutMs: 1_200, enableIdempotence: false }, async (driver) => {
        const topic = await newTopic(driver);
        await driver.send([record(topic, 'first')], soon());
        tap().freeze();
        const sending = driver.send([record(topic, 'second')], soon());
        expect((await sending)[0]).toMatchObject({ topic });
        const [, first, second] = tap().of(API.produce, topic);
        expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_100);
        expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(6_000);
        expect(produced(topic)[0]).toMatchObject({ timeoutMs: 1_200 });
        tap().cut();
      });
    });

    it.sequential('retryBackoffMs: a broker that is away is knocked at less often', async () => {
      const timeOfKnocks = (retryBackoffMs: number) =>
        use({ retryBackoffMs }, async (driver) => {
          const topic = await newTopic(driver);
          await driver.send([record(topic, 'x')], soon());
          tap().refuses = true;
          tap().cut();
          const before = tap().connections.length;
          const started = Date.now();
          const sending = driver.send([record(topic, 'y')], soon());
          await eventually(() => expect(tap().connections.length).toBeGreaterThanOrEqual(before + 6));
          const took = Date.now() - started;
          tap().refuses = false;
          expect((await sending)[0]).toMatchObject({ topic });
          return took;
        });
      const often = await timeOfKnocks(20);
      const seldom = await timeOfKnocks(900);
      expect(seldom).toBeGreaterThan(often + 800);
    });

    it.sequential('deliveryTimeoutMs: a send that is not acknowledged by then is given up', async () => {
      const options = { bootstrapServers: kafka.address(backend), backend, deliveryTimeoutMs: 900 };
      const { app } = await startApp({ options: { broker: 'kafka', kafka: options } });
      const producer = app.get(ProducerService);
      const topic = await use({}, (driver) => newTopic(driver));
      await producer.send({ topic, message: 1 });
      tap().refuses = true;
      tap().freeze();
      const started = Date.now();
      await expect(producer.send({ topic, message: 2 })).rejects.toBeInstanceOf(DeliveryTimeoutError);
      const took = Date.now() - started;
      tap().refuses = false;
      tap().cut();
      await app.close();
      expect(took).toBeGreaterThanOrEqual(890);
      expect(took).toBeLessThan(4_000);
    });

    it.sequential.for([
      [0, [1, 1]],
      [400, [2]],
    ] as const)('lingerMs: %i ms gather what comes within them', async ([lingerMs, counts]) => {
      await use({ lingerMs }, async (driver) => {
        const topic = await newTopic(driver);
        const started = Date.now();
        const first = driver.send([record(topic, 'x')], soon());
        if (lingerMs === 0) await first;
        await Promise.all([first, delay(60).then(() => driver.send([record(topic, 'y')], soon()))]);
        expect(Date.now() - started).toBeGreaterThanOrEqual(lingerMs);
        expect(batches(topic).map((batch) => batch.records)).toEqual(counts);
      });
    });

    it.sequential('lingerMs: a close ends it, of what was sent in the same tick too', async () => {
      await use({ lingerMs: 30_000 }, async (driver) => {
        const topic = await newTopic(driver);
        const sent = driver.send([record(topic, 'x')], soon());
        await driver.close(deadlineIn(systemClock, 10_000));
        expect(await sent).toMatchObject([{ topic, partition: 0 }]);
      });
    });

    it.sequential('maxBatchSize: so many bytes end the linger', async () => {
      await use({ lingerMs: 8_000, maxBatchSize: 2_000 }, async (driver) => {
        const topic = await newTopic(driver);
        const started = Date.now();
        const results = driver.send(
          Array.from({ length: 4 }, () => record(topic, 'x'.repeat(900))),
          soon(),
        );
        await eventually(() => expect(batches(topic).length).toBeGreaterThan(0), 6_000);
        expect(Date.now() - started).toBeLessThan(7_000);
        await driver.close(deadlineIn(systemClock, 5_000));
        expect((await results).filter((result) => result instanceof MessagingError)).toEqual([]);
      });
    });

    it.sequential(
      'maxBatchSize: what gathers behind a request shares one on kafkajs, and is cut by it on confluent',
      async () => {
        await use({ maxBatchSize: 40_000 }, async (driver) => {
          const topic = await newTopic(driver);
          await driver.send([record(topic, 'first')], soon());
          tap().freeze();
          const sends = [driver.send([record(topic, 'second')], soon())];
          await eventually(() => expect(batches(topic)).toHaveLength(2));
          for (let n = 0; n < 60; n++) sends.push(driver.send([record(topic, 'x'.repeat(9_000))], soon()));
          await delay(50); // they are with the client now
          tap().release();
          await Promise.all(sends);
          const sizes = batches(topic)
            .slice(2)
            .map(({ bytes }) => bytes);
          const largest = Math.max(...sizes);
          const isMeant = backend === 'kafkajs' ? sizes.length === 1 : largest > 20_000 && largest <= 40_000;
          expect({ sizes, isMeant }).toMatchObject({ isMeant: true });
        });
      },
    );

    it.sequential('maxMessageBytes: a larger message is refused before it leaves', async () => {
      await use({ maxMessageBytes: 1_500 }, async (driver) => {
        const topic = await newTopic(driver);
        const results = await driver.send([record(topic, 'x'.repeat(2_000)), record(topic, 'x')], soon());
        expect(results).toEqual([expect.any(MessageTooLargeError), expect.objectContaining({ offset: '0' })]);
      });
    });

    it.sequential('partitioner: crc32 puts a key where kcat puts it', async () => {
      await use({ partitioner: 'crc32' }, async (driver) => {
        const topic = await newTopic(driver, 12);
        const keys = Array.from({ length: 50 }, (_, n) => `key-${n}-${'é'.repeat(n % 3)}`);
        const input = keys.map((key) => `${key}\tkcat\n`).join('');
        const kcat = (...args: readonly string[]) => spawn('kcat', ['-q', '-b', kafka.direct, '-t', topic, ...args]);
        const writer = kcat('-P', '-K', '\t');
        writer.stdin.end(input);
        expect(await once(writer, 'close')).toEqual([0, null]);
        const results = await driver.send(
          keys.map((key) => record(topic, 'ours', { key })),
          soon(),
        );
        const reader = kcat('-C', '-e', '-o', 'beginning', '-f', '%k\t%p\t%s\n');
        const read = (await text(reader.stdout)).split('\n');
        const theirs = new Map(
          read.filter((line) => line.endsWith('kcat')).map((line) => line.split('\t') as [string, string]),
        );
        expect(results.map((result) => ('partition' in result ? String(result.partition) : result))).toEqual(
          keys.map((key) => theirs.get(key)),
        );
        expect(new Set(theirs.values()).size).toBeGreaterThan(8);
      });
    });
  });
});
