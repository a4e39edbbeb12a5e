import { randomUUID } from 'node:crypto';
import { ClosedError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, DriverContext, SubscribeRequest } from '../driver.js';
import { GroupConsumer } from '../kafka/group-consumer.js';
import type { TopicPartition } from '../kafka/group-member.js';
import { toMessagingError } from './confluent.errors.js';
import { ConfluentMember } from './confluent.member.js';
import type { ConfluentModule } from './confluent.native.js';
import type { ConfluentProducer } from './confluent.producer.js';
import { ConfluentTransactor } from './confluent.transactor.js';
import { assertBounded } from './decompression-bound.js';
import type { KafkajsBeside } from './kafkajs-beside.js';

export interface ConfluentConsumerParts {
  readonly confluent: ConfluentModule;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly producer: ConfluentProducer;
  readonly kafkajs: KafkajsBeside;
  readonly request: SubscribeRequest;
  readonly sink: DeliverySink;
}

/** A membership in a group, held by librdkafka. */
export function createConfluentConsumer(parts: ConfluentConsumerParts): GroupConsumer {
  const id = `${parts.request.groupId}-${randomUUID()}`;
  let member: ConfluentMember | undefined;
  const current = () => {
    if (!member) throw new ClosedError('there is no member');
    return member;
  };
  const bounds = (partitions: readonly TopicPartition[]) => parts.producer.admin.bounds(partitions);
  const assertReadable = (topics: readonly string[]) => assertBounded(topics, parts);
  const partitionsOf = (topic: string) => parts.producer.admin.partitionsOf(topic);
  return new GroupConsumer({
    ...parts,
    toMessagingError,
    ends: (partitions) => parts.producer.admin.ends(partitions),
    transactions: {
      idOf: () => id,
      open: () => new ConfluentTransactor(id, { ...parts, consumer: () => current().committer, partitionsOf }),
      committed: async (partitions) => current().committed(partitions),
    },
    createMember: (events) => (member = new ConfluentMember({ ...parts, events, bounds, assertReadable })),
  });
}
