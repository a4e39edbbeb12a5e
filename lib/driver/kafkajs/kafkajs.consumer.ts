import type { Kafka } from 'kafkajs';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, DriverContext, SubscribeRequest } from '../driver.js';
import { GroupConsumer } from '../kafka/group-consumer.js';
import type { KafkajsAdmin } from './kafkajs.admin.js';
import type { KafkajsModule } from './kafkajs.client.js';
import { toMessagingError } from './kafkajs.errors.js';
import { KafkajsMember } from './kafkajs.member.js';
import type { KafkajsProducer } from './kafkajs.producer.js';

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
    createMember: (events) => new KafkajsMember({ ...parts, clock: context.clock, events }),
  });
}
