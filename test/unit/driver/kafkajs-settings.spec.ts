import * as kafkajs from 'kafkajs';
import type { ConsumerConfig, KafkaConfig } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { createClient, type KafkajsModule } from '../../../lib/driver/kafkajs/kafkajs.client.js';
import { KafkajsMember } from '../../../lib/driver/kafkajs/kafkajs.member.js';
import type { PendingSend } from '../../../lib/driver/kafkajs/pending-send.js';
import { SendCall } from '../../../lib/driver/send-call.js';
import { TopicBuffer } from '../../../lib/driver/kafkajs/topic-buffer.js';
import { kafkaOptions, type KafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { record } from '../../support/records.js';
import { TestLog } from '../../support/test-log.js';

const resolved = (input: KafkaOptions) => resolveOptions(kafkaOptions, { path: '', input, faults: [] });
const context = { connection: 'kafka', clock: new FakeClock(), log: new TestLog(), onStatus: () => {} };

describe('the kafkajs client', () => {
  it('waits for answers and pauses before repeats as long as it is told', () => {
    let config: KafkaConfig | undefined;
    class Kafka {
      constructor(given: KafkaConfig) {
        config = given;
      }
    }
    createClient(
      { ...kafkajs, Kafka } as unknown as KafkajsModule,
      resolved({ requestTimeoutMs: 700, retryBackoffMs: 30 }),
      context,
    );
    expect(config).toMatchObject({
      requestTimeout: 700,
      connectionTimeout: 700,
      retry: { initialRetryTime: 30, maxRetryTime: 900 },
    });
  });

  it('joins groups with the times that it is told', () => {
    let config: ConsumerConfig | undefined;
    const events = new kafkajs.Kafka({ brokers: ['nowhere:1'] }).consumer({ groupId: 'g' }).events;
    const client = {
      consumer: (given: ConsumerConfig) => {
        config = given;
        return { events, on: () => {} };
      },
    };
    const options = resolved({ sessionTimeoutMs: 9_000, heartbeatIntervalMs: 1_000, maxPollIntervalMs: 45_000 });
    const request = { groupId: 'g', topics: [], maxPollRecords: 1, drainTimeoutMs: 1 };
    new KafkajsMember({ kafkajs, client, options, request, clock: context.clock, events: {} } as never);
    expect(config).toMatchObject({ sessionTimeout: 9_000, heartbeatInterval: 1_000, rebalanceTimeout: 45_000 });
  });
});

describe('the buffer of a topic', () => {
  const clock = new FakeClock();
  const pending = (bytes: number): PendingSend => ({
    record: record('t', 'x'),
    call: new SendCall(1),
    index: 0,
    bytes,
    deadline: Infinity,
    partition: undefined,
    wasSent: false,
    alone: false,
  });

  it('lingers', () => {
    const buffer = new TopicBuffer('t', { clock, lingerMs: 50, maxBatchSize: 1_000, partitioner: 'murmur2' });
    buffer.push(pending(10));
    expect(buffer.dueAt).toBe(clock.now() + 50);
  });

  it('ends its linger when a batch of maxBatchSize bytes is there for each partition', () => {
    const buffer = new TopicBuffer('t', { clock, lingerMs: 50, maxBatchSize: 1_000, partitioner: 'murmur2' });
    buffer.partitions = 2;
    for (let n = 0; n < 3; n++) buffer.push(pending(500));
    expect(buffer.dueAt).toBeGreaterThan(clock.now());
    buffer.push(pending(500));
    expect(buffer.dueAt).toBeLessThanOrEqual(clock.now());
  });
});
