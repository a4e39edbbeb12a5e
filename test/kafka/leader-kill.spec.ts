import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { MessagingError } from '../../lib/core/errors.js';
import { KafkaCluster } from '../support/brokers/kafka-cluster.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { isLong, openDriver, readAll, tell } from './support.js';

const KILLS = isLong ? 9 : 3;
const LEAST_ACKNOWLEDGED = isLong ? 400_000 : 100_000;
const SENDERS = 8;
const BATCH = 101;
const PARTITIONS = 6;

/** Resolves with the values that were acknowledged. */
type Send = (topic: string, values: readonly string[], keyed: boolean) => Promise<readonly string[]>;

describe.runIf(kafkaBackends().length > 0)('acknowledged messages while leaders are killed', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await KafkaCluster.start();
  }, 120_000);
  afterAll(() => cluster?.stop());

  const figures = async (title: string, send: Send) => {
    const topic = unique('kills');
    const admin = await openDriver('kafkajs', cluster.bootstrapServers);
    await admin.admin.create([{ topic, partitions: PARTITIONS, replicationFactor: 3 }]);
    await admin.close(deadlineIn(systemClock, 5_000));
    await cluster.whole(topic);
    const load = new Load(topic, send);
    load.start();
    for (let kill = 0; kill < KILLS; kill++) {
      await load.reach((kill + 1) * (LEAST_ACKNOWLEDGED / (KILLS + 1)));
      const node = cluster.node(await cluster.leaderOf(topic, kill % PARTITIONS));
      await node.kill();
      await delay(3_000); // the load goes on over the two that are left
      await node.restart();
      await cluster.whole(topic);
    }
    await load.reach(LEAST_ACKNOWLEDGED);
    await load.stop();
    const written = readAll(cluster.bootstrapServers, topic);
    const found = new Set(written);
    const lost = load.acknowledged.filter((value) => !found.has(value)).length;
    const result = { test: 'leader-kill', title, kills: KILLS, acknowledged: load.acknowledged.length };
    const all = { ...result, rejected: load.rejected, lost, duplicates: written.length - found.size };
    tell(all);
    return all;
  };

  const ours = (backend: 'kafkajs' | 'confluent', enableIdempotence?: boolean) => async () => {
    const driver = await openDriver(backend, cluster.bootstrapServers, {
      requestTimeoutMs: 5_000,
      ...(enableIdempotence !== undefined && { enableIdempotence }),
    });
    const title = `${backend}${enableIdempotence ? ', idempotent' : ''}`;
    const result = await figures(title, async (topic, values, keyed) => {
      const list = values.map((value) => record(topic, value, keyed ? { key: value } : {}));
      const results = await driver.send(list, Date.now() + 120_000);
      return values.filter((_, index) => !(results[index] instanceof MessagingError));
    });
    await driver.close(deadlineIn(systemClock, 10_000));
    expect(result).toMatchObject({ lost: 0, rejected: 0 });
    expect(result.acknowledged).toBeGreaterThanOrEqual(LEAST_ACKNOWLEDGED);
    return result;
  };

  it.runIf(kafkaBackends().includes('confluent'))(
    'are all there, and once, with confluent',
    { timeout: 900_000 },
    async () => {
      expect((await ours('confluent')()).duplicates).toBe(0);
    },
  );

  it('are all there with kafkajs', { timeout: 900_000 }, async () => {
    expect((await ours('kafkajs')()).lost).toBe(0);
  });

  it('are all there, and once, with kafkajs and enableIdempotence', { timeout: 900_000 }, async () => {
    expect((await ours('kafkajs', true)()).duplicates).toBe(0);
  });

  it('are counted beside those of plain kafkajs, which promises less', { timeout: 900_000 }, async () => {
    const client = new Kafka({ brokers: cluster.bootstrapServers.split(','), logLevel: logLevel.NOTHING });
    const producer = client.producer();
    await producer.connect();
    const result = await figures('plain kafkajs', async (topic, values, keyed) => {
      const messages = values.map((value) => ({ value, ...(keyed && { key: value }) }));
      await producer.send({ topic, acks: -1, messages });
      return values;
    });
    await producer.disconnect();
    expect(result.acknowledged).toBeGreaterThanOrEqual(LEAST_ACKNOWLEDGED);
  });
});

/** Senders that go on until they are stopped; a rejected batch is counted and given up. */
class Load {
  readonly acknowledged: string[] = [];
  rejected = 0;
  private next = 0;
  private running = true;
  private senders: Promise<void>[] = [];

  constructor(
    private readonly topic: string,
    private readonly send: Send,
  ) {}

  start(): void {
    this.senders = Array.from({ length: SENDERS }, (_, index) => this.sender(index % 2 === 0));
  }

  async reach(count: number): Promise<void> {
    while (this.acknowledged.length < count) await delay(20);
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.senders);
  }

  private async sender(keyed: boolean): Promise<void> {
    while (this.running) {
      const values = Array.from({ length: BATCH }, () => `m${this.next++}`);
      const done = await this.send(this.topic, values, keyed).catch(() => []);
      for (const value of done) this.acknowledged.push(value);
      this.rejected += values.length - done.length;
      await delay(20); // enough load to have sends in flight at every kill, without filling the disk
    }
  }
}
