import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, DriverContext, SubscribeRequest } from '../driver.js';
import { GroupConsumer } from '../kafka/group-consumer.js';
import { toMessagingError } from './confluent.errors.js';
import { ConfluentMember } from './confluent.member.js';
import type { ConfluentModule } from './confluent.native.js';
import type { ConfluentProducer } from './confluent.producer.js';

export interface ConfluentConsumerParts {
  readonly confluent: ConfluentModule;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly producer: ConfluentProducer;
  readonly request: SubscribeRequest;
  readonly sink: DeliverySink;
}

/** A membership in a group, held by librdkafka. */
export function createConfluentConsumer(parts: ConfluentConsumerParts): GroupConsumer {
  return new GroupConsumer({
    ...parts,
    toMessagingError,
    ends: (partitions) => parts.producer.admin.ends(partitions),
    createMember: (events) =>
      new ConfluentMember({ ...parts, events, bounds: (partitions) => parts.producer.admin.bounds(partitions) }),
  });
}
