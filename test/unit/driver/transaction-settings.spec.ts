import { createRequire } from 'node:module';
import { crc32 } from 'node:zlib';
import type { Message } from 'kafkajs';
import { expect, it } from 'vitest';
import { partitionOf } from '../../../lib/core/murmur2.js';
import { transactionConfig } from '../../../lib/driver/confluent/producer-config.js';
import { KafkajsTransactor } from '../../../lib/driver/kafkajs/kafkajs.transactor.js';
import { kafkaOptions, type KafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { record } from '../../support/records.js';
import { TestLog } from '../../support/test-log.js';

/** As kafkajs finds out which partitions a request is for. */
const group = createRequire(import.meta.url)('kafkajs/src/producer/groupMessagesPerPartition') as (asked: {
  readonly topic: string;
  readonly partitionMetadata: readonly object[];
  readonly messages: readonly Message[];
}) => Record<number, Message[]>;

const PARTITIONS = 1_000;
const resolved = (input: KafkaOptions) => resolveOptions(kafkaOptions, { path: '', input, faults: [] });
const context = { connection: 'kafka', clock: new FakeClock(), log: new TestLog(), onStatus: () => {} };

it.each(['murmur2', 'crc32'] as const)('a transaction of kafkajs puts a key where %s puts it', async (partitioner) => {
  const sent: number[] = [];
  const transaction = {
    sendOffsets: async () => {},
    send: async ({ messages }: { readonly messages: Message[] }) => {
      const partitions = Object.keys(group({ topic: 't', partitionMetadata: [{}], messages })).map(Number);
      sent.push(...partitions);
      return partitions.map((partition) => ({ partition }));
    },
    commit: async () => {},
    abort: async () => {},
  };
  const producer = { connect: async () => {}, transaction: async () => transaction };
  const options = resolved({ partitioner });
  const parts = {
    createProducer: () => producer,
    options,
    context,
    groupId: 'g',
    partitionsOf: async () => PARTITIONS,
  };
  const transactor = new KafkajsTransactor('id', parts as never);
  await transactor.fence();
  await transactor.transact([record('t', 'x', { key: 'order-1' })], []);
  const key = Buffer.from('order-1');
  const places = { murmur2: partitionOf(key, PARTITIONS), crc32: crc32(key) % PARTITIONS };
  expect(places.murmur2).not.toBe(places.crc32);
  expect(sent).toEqual([places[partitioner]]);
});

it('a transaction of librdkafka waits for all copies, whatever sends beside it do', () => {
  const config = transactionConfig(resolved({ acks: 1 }), 'id');
  expect(config).toMatchObject({ acks: -1, 'enable.idempotence': true, 'transactional.id': 'id' });
});
