import type { Deadline } from '../../core/clock.js';
import type { MessagingError } from '../../core/errors.js';
import type { Delivery, Partition } from '../../core/delivery.js';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Position extends TopicPartition {
  readonly offset: string;
  /** A text that the broker keeps beside the offset. */
  readonly metadata?: string;
}

/** A client's consumer, as a member of the group. It is used once: after a crash a new one takes its place. */
export interface GroupMember {
  /** Joins the group; ends when the client is at it, or with `onCrash`. */
  run(): Promise<void>;
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  /** @throws when this member may not commit any more. */
  commit(positions: readonly Position[]): Promise<void>;
  /** Leaves the group; nothing is called on its events from then on. May be called twice. */
  leave(deadline: Deadline): Promise<void>;
}

/** Messages of one partition as a client has fetched them, each made a delivery when it is handed over. */
export interface FetchedMessages {
  readonly count: number;
  /** Of keys and values; an estimate will do. */
  readonly bytes: number;
  /** Asked for in their order; the last one may be asked for again. */
  at(index: number, partition: Partition): Delivery;
}

/** What a member tells. */
export interface MemberEvents {
  /** These are ours now, beside those of before. None is news too: the group was joined. */
  onAssigned(partitions: readonly TopicPartition[]): void;
  /** Before the positions of these are asked for; awaited. */
  onPositioning(partitions: readonly TopicPartition[]): Promise<void>;
  /** Where reading begins, and what the group left there; awaited before anything is fetched. */
  onPositions(positions: readonly Position[]): Promise<void>;
  /** Drain and commit: these, or all, are given up when the promise resolves. */
  onRevoked(partitions?: readonly TopicPartition[]): Promise<void>;
  /** These, or all, are another's already. */
  onLost(partitions?: readonly TopicPartition[]): void;
  /** The log was read up to `next`; there may be nothing to handle. */
  onFetched(from: TopicPartition, next: number, messages: FetchedMessages): void;
  /** Messages that cannot be read, or a topic that is gone, are passed over; the rest comes. */
  onPassedOver(error: MessagingError): void;
  /** The broker does not answer for now; the client goes on by itself. */
  onTrouble(error: unknown): void;
  /** This member cannot do what the next one can: it is replaced when what runs has finished. */
  onOutdated(reason: MessagingError): Promise<void>;
  /** This member is over; it must be replaced. */
  onCrash(error: unknown): void;
}

export function nameOf({ topic, partition }: TopicPartition): string {
  return `${partition}/${topic}`;
}
