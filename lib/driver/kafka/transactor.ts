import type { Deadline } from '../../core/clock.js';
import {
  AuthorizationError,
  MessageTooLargeError,
  UnknownPartitionError,
  UnknownTopicError,
  type MessagingError,
} from '../../core/errors.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { Position, TopicPartition } from './group-member.js';

/** After it the broker ends a transaction whose owner is silent, in ms: until then what it wrote holds up those who read committed messages. */
export const TRANSACTION_TIMEOUT_MS = 10_000;

/** How a client writes transactions. */
export interface TransactionClient {
  /** The transactional id for a partition: those with the same share a producer, and its transactions. */
  idOf(partition: TopicPartition): string;
  open(id: string): Transactor;
  /** Where the group is now, once no transaction is under way; -1 where it has no position. */
  committed(partitions: readonly TopicPartition[]): Promise<readonly Position[]>;
}

/** One transactional producer, which is replaced when it must be. One call at a time. */
export interface Transactor {
  /**
   * Ends what is open under the id, this one's or an earlier owner's, who can write nothing from then on. Before the first transaction and
   * after each that failed.
   */
  fence(): Promise<void>;
  /** Writes the records and the positions, all or nothing. @throws TransactionError; it may have been written all the same. */
  transact(records: readonly OutgoingRecord[], positions: readonly Position[]): Promise<void>;
  close(deadline: Deadline): Promise<void>;
}

/**
 * - `record`: one of the records can never be written;
 * - `fenced`: another owner of the id, or the broker's clock, has ended it;
 * - `other`: the same may succeed later.
 */
export type TransactionFault = 'record' | 'fenced' | 'other';

/** A transaction that was not committed, as far as we know. */
export class TransactionError extends Error {
  constructor(
    readonly fault: TransactionFault,
    override readonly cause: MessagingError,
  ) {
    super(cause.message, { cause });
  }
}

/** Invalid timestamp, refused by policy, invalid record: the protocol's errors about one record that have no class of their own. */
const INVALID_RECORD = new Set<unknown>([32, 44, 87]);

/** Whether it is one of the records that can never be written. What is not known to be so is tried again: a message must not be given up for it. */
export function isAboutRecord(error: MessagingError, codes: readonly unknown[]): boolean {
  const classes = [MessageTooLargeError, UnknownTopicError, UnknownPartitionError, AuthorizationError];
  return classes.some((type) => error instanceof type) || codes.some((code) => INVALID_RECORD.has(code));
}

/** A broker that has just come back may not know a topic yet: those who decide about topics are asked. */
export async function confirmed(
  error: TransactionError,
  partitionsOf: (topic: string) => Promise<number>,
): Promise<TransactionError> {
  const { cause, fault } = error;
  if (fault !== 'record' || !(cause instanceof UnknownTopicError) || cause.topic === undefined) return error;
  const isUnknown = await partitionsOf(cause.topic).then(
    () => false,
    (answer: unknown) => answer instanceof UnknownTopicError,
  );
  return isUnknown ? error : new TransactionError('other', cause);
}
