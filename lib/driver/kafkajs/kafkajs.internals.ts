import { BrokerError } from '../../core/errors.js';
import type { FetchedRecords } from './fetch/fetched-records.js';

/** What kafkajs 2.2.4 has inside and does not export. A custom assigner is the only door to it. */
export interface KafkajsCluster {
  findGroupCoordinator(args: unknown): Promise<KafkajsBroker>;
  /** Where logs begin or end. */
  fetchTopicsOffset(topics: readonly unknown[]): Promise<readonly TopicOffsets[]>;
  findBroker(args: unknown): Promise<KafkajsBroker>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  disconnect(): Promise<void>;
}

export interface KafkajsCoordinator {
  offsetFetch(request: {
    readonly topics: readonly AskedPartitions[];
  }): Promise<{ readonly responses: readonly TopicOffsets[] }>;
  offsetCommit(request: { readonly topics: readonly TopicOffsets[] }): Promise<unknown>;
}

export interface AskedPartitions {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
}

export interface TopicOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string; readonly metadata?: string }[];
}

export interface KafkajsBroker extends KafkajsCoordinator {
  fetch: (this: KafkajsBroker, request: FetchRequest) => Promise<unknown>;
  /** Of the newest version that both sides know. */
  readonly lookupRequest: (apiKey: number, definition: unknown) => (params: unknown) => AskedOfBroker;
}

export interface AskedOfBroker {
  readonly request: { readonly apiVersion: number };
  readonly response: { decode(answer: Buffer): Promise<unknown> };
}

export interface FetchRequest {
  /** How long the broker may wait for messages, in ms. */
  readonly maxWaitTime?: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string }[];
  }[];
}

/** What kafkajs makes batches of. */
export interface FetchResponse {
  readonly clientSideThrottleTime: number;
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[];
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly preferredReadReplica: number;
  readonly messages: readonly StandIn[];
  readonly abortedTransactions: readonly [];
}

/** What stands for the messages that a fetch brought of a partition. */
export interface StandIn {
  /** Of the last one. */
  readonly offset: string;
  readonly isHandedOver: boolean;
  readonly records: FetchedRecords;
  /** Of the member, when they were asked for. */
  readonly generation: number;
}

/** @throws BrokerError when another version is installed than the one that is known inside. */
export function assertInternals(cluster: KafkajsCluster): void {
  assertMethods(cluster, [
    'findGroupCoordinator',
    'findBroker',
    'addMultipleTargetTopics',
    'findTopicPartitionMetadata',
    'fetchTopicsOffset',
    'disconnect',
  ]);
}

/** @throws BrokerError likewise. */
export function assertBrokerInternals(broker: KafkajsBroker): void {
  assertMethods(broker, ['fetch', 'lookupRequest', 'offsetFetch', 'offsetCommit']);
}

function assertMethods(part: object, names: readonly string[]): void {
  const missing = names.filter((name) => typeof (part as Record<string, unknown>)[name] !== 'function');
  if (missing.length > 0)
    throw new BrokerError(
      `kafkajs lacks ${missing.join(', ')} inside. Install the version that this library is made for: npm i kafkajs@2.2.4`,
      { retryable: false },
    );
}
