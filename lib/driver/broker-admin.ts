import type { Delivery } from '../core/delivery.js';
import { BrokerError, type MessagingError } from '../core/errors.js';

/** A position in a partition: the offset of the next message to be handled. */
export interface PartitionPosition {
  readonly partition: number;
  readonly offset: string;
}

/** A server of the cluster, at the address that it tells its clients. */
export interface ServerDetails {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface PartitionDetails {
  readonly partition: number;
  /** Offset of the oldest message that is kept. */
  readonly start: string;
  /** Offset that the next message will get. */
  readonly end: string;
  /** How many are kept; where control records and compaction leave gaps, the most that there can be. */
  readonly messages: number;
  /** The server that has the partition, and those that copy it; absent where the broker has no such thing. */
  readonly leader?: number;
  readonly replicas?: readonly number[];
  readonly inSync?: readonly number[];
}

export interface TopicDetails {
  readonly topic: string;
  readonly partitions: readonly PartitionDetails[];
  /** Settings that somebody made, by the broker's names; defaults are left out. Null when the client cannot see them. */
  readonly configs: Readonly<Record<string, string>> | null;
}

export interface GroupPartition {
  readonly topic: string;
  readonly partition: number;
  /** Where the group goes on; null when it has never finished anything there. */
  readonly position: string | null;
  readonly start: string;
  readonly end: string;
  /** Messages that it has still to finish; null when that cannot be known, as without a position. */
  readonly lag: number | null;
  /** The client that reads it now; null without one. */
  readonly member: string | null;
}

export interface GroupDetails {
  readonly groupId: string;
  /** The broker's word, in lower case: `stable`, `empty`, … */
  readonly state: string;
  /** How many members it has; null when the client cannot see them. */
  readonly members: number | null;
  readonly partitions: readonly GroupPartition[];
}

/** Where to begin: at an end, at the first message that is not older than `time` (ms since the epoch), or at an offset. */
export type PositionTarget =
  { readonly at: 'earliest' | 'latest' } | { readonly time: number } | { readonly offset: string };

export interface ReadRequest {
  readonly topic: string;
  readonly from: readonly PartitionPosition[];
  /** The group that the read is done for, to be seen in the broker's lists; it is neither joined nor moved. */
  readonly groupId: string;
}

export interface ReadSink {
  /** `next`: the log was read up to here, also where it holds nothing to show. Must not throw. */
  onRead(deliveries: readonly Delivery[], position: PartitionPosition): void;
  /** The read is over. */
  onError(error: MessagingError): void;
}

export interface TopicReader {
  /** Takes effect within 250 ms; what was on its way may still come. */
  pause(): void;
  resume(): void;
  /** Leaves no trace on the broker. May be called twice. */
  close(): Promise<void>;
}

/** What people and their tools ask of a broker, beside the way of a message. */
export interface BrokerAdmin {
  /** None where the broker is in this process. */
  listServers(): Promise<readonly ServerDetails[]>;
  listTopics(): Promise<readonly string[]>;
  /** @throws UnknownTopicError */
  describeTopic(topic: string): Promise<TopicDetails>;
  /**
   * Changes settings by the broker's names, `null` being its default again; the others stay. Absent where topics have no settings.
   * @throws UnknownTopicError; BrokerError for one that the broker does not take
   */
  alterTopic?(topic: string, configs: Readonly<Record<string, string | null>>): Promise<void>;
  /** Resolves when it is gone. @throws UnknownTopicError */
  deleteTopic(topic: string): Promise<void>;
  /** @param count how many it then has in all @throws BrokerError when that is not more than it has */
  addPartitions(topic: string, count: number): Promise<void>;
  listGroups(): Promise<readonly string[]>;
  /** @throws UnknownGroupError */
  describeGroup(groupId: string): Promise<GroupDetails>;
  /** The target as offsets that exist, for each partition. @throws UnknownTopicError */
  positionsAt(topic: string, target: PositionTarget): Promise<readonly PartitionPosition[]>;
  /**
   * Moves a group that nobody is a member of, and reads back what the broker then has.
   * @throws GroupInUseError while it has members, or when they cannot be known.
   */
  seek(groupId: string, topic: string, positions: readonly PartitionPosition[]): Promise<readonly PartitionPosition[]>;
  /** @throws UnknownGroupError, GroupInUseError */
  deleteGroup(groupId: string): Promise<void>;
  /** Reads without being a member of any group that others use; nothing is committed. */
  read(request: ReadRequest, sink: ReadSink): TopicReader;
}

/** What is left between a position and the end; never a made-up number. */
export function lagOf(position: string | null, start: string, end: string): number | null {
  if (position === null) return null;
  const from = BigInt(position) < BigInt(start) ? BigInt(start) : BigInt(position);
  const left = BigInt(end) - from;
  return left < 0n ? 0 : Number(left);
}

/** An offset that lies within the log. */
export function withinLog(offset: string, { start, end }: Pick<PartitionDetails, 'start' | 'end'>): string {
  if (!/^\d+$/.test(offset))
    throw new BrokerError(`Expected the offset to be an integer ≥ 0, got \`${offset}\`.`, { offset, retryable: false });
  if (BigInt(offset) < BigInt(start)) return start;
  return BigInt(offset) > BigInt(end) ? end : offset;
}
