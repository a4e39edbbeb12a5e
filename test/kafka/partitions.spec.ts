import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessagingError } from '../../lib/core/errors.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import golden from '../support/golden-partitions.json' with { type: 'json' };
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

/** Each key with its partition among 3, 4, 12 and 100, as `BuiltInPartitioner.partitionForKey` of Java's kafka-clients 4.4.0 gives it. */
const COUNTS = [3, 4, 12, 100];
const table = golden as unknown as readonly (readonly [string, ...number[]])[];

describe.each(kafkaBackends())('%s: the partition of a key', (backend) => {
  it.each(COUNTS)('is the Java client’s among %i', async (count) => {
    const topic = unique('golden');
    const driver = await openDriver(backend, brokerAddress('kafka') ?? '');
    await driver.admin.create([{ topic, partitions: count }]);
    const records = table.map(([hex]) => ({ ...record(topic, hex), key: Buffer.from(hex, 'hex') }));
    const results = await driver.send(records, Date.now() + 30_000);
    await driver.close(deadlineIn(systemClock, 5_000));
    const chosen = results.map((result) => (result instanceof MessagingError ? result.message : result.partition));
    expect(chosen).toEqual(table.map((row) => row[COUNTS.indexOf(count) + 1]));
  });
});
