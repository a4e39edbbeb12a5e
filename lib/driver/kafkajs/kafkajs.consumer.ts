import type { Kafka } from 'kafkajs';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, DriverContext, SubscribeRequest } from '../driver.js';
import { GroupConsumer } from '../kafka/group-consumer.js';
import { nameOf, type Position, type TopicPartition } from '../kafka/group-member.js';
import type { TransactionClient } from '../kafka/transactor.js';
import type { KafkajsAdmin } from './kafkajs.admin.js';
import type { KafkajsModule } from './kafkajs.client.js';
import { toMessagingError } from './kafkajs.errors.js';
import { KafkajsMember } from './kafkajs.member.js';
import type { KafkajsProducer } from './kafkajs.producer.js';
import { KafkajsTransactor } from './kafkajs.transactor.js';
import { producersOf } from './produce/create-producer.js';

export interface KafkajsConsumerParts {
  readonly kafkajs: KafkajsModule;
  readonly client: Kafka;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly admin: KafkajsAdmin;
  readonly producer: KafkajsProducer;
  readonly request: SubscribeRequest;
  readonly sink: DeliverySink;
}

/** A membership in a group, held by kafkajs. */
export function createKafkajsConsumer(parts: KafkajsConsumerParts): GroupConsumer {
  const { admin, context } = parts;
  return new GroupConsumer({
    ...parts,
    toMessagingError,
    ends: (partitions) => admin.ends(partitions),
    transactions: transactionsOf(parts),
    createMember: (events) => new KafkajsMember({ ...parts, ...context, events }),
  });
}

/** One id for each partition: it is all that keeps a former owner out. */
function transactionsOf({
  kafkajs,
  client,
  options,
  admin,
  producer,
  context,
  request,
}: KafkajsConsumerParts): TransactionClient {
  const { groupId } = request;
  const createProducer = producersOf(client, kafkajs);
  const partitionsOf = (topic: string) => producer.partitionsOf(topic);
  return {
    idOf: ({ topic, partition }) => `${groupId}-${topic}-${partition}`,
    open: (id) => new KafkajsTransactor(id, { createProducer, options, context, groupId, partitionsOf }),
    committed: (partitions) => committed(admin, groupId, partitions),
  };
}

async function committed(
  admin: KafkajsAdmin,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<Position[]> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const found = await admin.ask(undefined, (client) => client.fetchOffsets({ groupId, topics }));
  const asked = new Set(partitions.map(nameOf));
  const all = found.flatMap(({ topic, partitions: own }) =>
    own.map(({ partition, offset }) => ({ topic, partition, offset })),
  );
  return all.filter((one) => asked.has(nameOf(one)));
}
