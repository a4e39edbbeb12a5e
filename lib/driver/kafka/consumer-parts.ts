import type { ErrorDetails, MessagingError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, DriverContext, SubscribeRequest } from '../driver.js';
import type { OutputSender } from '../send-outputs.js';
import type { GroupMember, MemberEvents, Position, TopicPartition } from './group-member.js';
import type { TransactionClient } from './transactor.js';

/** What a membership in a group is made of. */
export interface ConsumerParts {
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly request: SubscribeRequest;
  readonly sink: DeliverySink;
  readonly producer: OutputSender;
  readonly transactions: TransactionClient;
  /** Where the logs of these end for a reader. */
  readonly ends: (partitions: readonly TopicPartition[]) => Promise<readonly Position[]>;
  readonly createMember: (events: MemberEvents) => GroupMember;
  readonly toMessagingError: (thrown: unknown, details: ErrorDetails) => MessagingError;
}
