import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessageTooLargeError, MessagingError } from '../../lib/core/errors.js';
import { API, readProduce, TappedKafka } from '../support/brokers/wire-tap.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, readAll, type DriverSpec } from './support.js';

const backends = kafkaBackends();
const LIMIT = 10_000;

describe.runIf(backends.length > 0)('a topic that takes less than a batch', () => {
  let kafka: TappedKafka;
  beforeAll(async () => {
    kafka = await TappedKafka.start(backends);
  });
  afterAll(() => kafka?.stop());

  describe.each(backends)('%s', (backend) => {
    const open = async (spec: DriverSpec = {}) => {
      const gathering = { maxBatchSize: 1_000_000, lingerMs: 100, ...spec };
      const driver = await openDriver(backend, kafka.address(backend), gathering);
      const topic = unique('narrow');
      await driver.admin.create([{ topic, partitions: 1, configs: { 'max.message.bytes': String(LIMIT) } }]);
      return {
        topic,
        /** Values begin with their number; key and padding follow from it. */
        send: (numbers: readonly number[], bytes: (n: number) => number = () => 1_000) =>
          driver.send(
            numbers.map((n) => record(topic, `${n} `.padEnd(bytes(n), '.'), { key: `k${n % 4}` })),
            Date.now() + 20_000,
          ),
        written: () => readAll(kafka.direct, topic).map((value) => Number.parseInt(value)),
        batches: () =>
          kafka
            .tap(backend)
            .of(API.produce, topic)
            .map(readProduce)
            .flatMap((request) => request.batches),
        close: () => driver.close(deadlineIn(systemClock, 5_000)),
      };
    };
    const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n);

    it('gives up only the message that is too large by itself', async () => {
      const { send, written, batches, close } = await open();
      const results = await send(upTo(10), (n) => (n === 3 ? 50_000 : 1_000));
      expect(batches()[0]?.records).toBe(10);
      expect(results[3]).toBeInstanceOf(MessageTooLargeError);
      expect(results.filter((result) => result instanceof MessagingError)).toHaveLength(1);
      await close();
      expect(written()).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9]);
    });

    it('writes all in their order, once, when none is too large and their batch is', async () => {
      const { send, written, batches, close } = await open();
      const results = await send(upTo(40));
      expect(batches()[0]?.records).toBe(40);
      expect(results.filter((result) => result instanceof MessagingError)).toEqual([]);
      expect((await send(upTo(40, 40))).filter((result) => result instanceof MessagingError)).toEqual([]);
      await close();
      expect(written()).toEqual(upTo(80));
    });

    it('never writes a message behind a later one of its key, and tells the fate of each', async () => {
      const { send, written, batches, close } = await open();
      await send([0]);
      kafka.tap(backend).freeze();
      const first = send(upTo(40, 1));
      await eventually(() => expect(batches()).toHaveLength(2));
      const second = send([41, 42]); // behind the batch that is being refused, and small enough
      kafka.tap(backend).release();
      const results = (await Promise.all([first, second])).flat();
      results.push(...(await send(upTo(20, 43))));
      await close();
      const refused = results.flatMap((result, at) => (result instanceof MessagingError ? [at + 1] : []));
      const found = written();
      expect(found.toSorted((a, b) => a - b)).toEqual([0, ...upTo(62, 1).filter((n) => !refused.includes(n))]);
      for (const key of upTo(4)) {
        const own = found.filter((n) => n % 4 === key);
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
      // librdkafka has the later ones of these two keys already; kafkajs has one request on its way
      expect(new Set(refused.map((n) => n % 4))).toEqual(new Set(backend === 'confluent' ? [1, 2] : []));
    });
  });
});
