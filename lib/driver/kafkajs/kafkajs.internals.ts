import { BrokerError } from '../../core/errors.js';
import type { FetchRequest } from './bounded-fetch.js';

/** What kafkajs 2.2.4 has inside and does not export. A custom assigner is the only door to it. */
export interface KafkajsCluster {
  findGroupCoordinator(args: unknown): Promise<KafkajsCoordinator>;
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

export interface KafkajsBroker {
  fetch(request: FetchRequest): Promise<FetchResponse>;
  readonly connectionPool: KafkajsConnectionPool;
}

/** The connections to one broker; it outlives them. */
export interface KafkajsConnectionPool {
  send(asked: { readonly response: { decode(answer: Buffer): Promise<unknown> } }): Promise<unknown>;
}

export interface FetchResponse {
  responses: readonly { readonly topicName: string; readonly partitions: FetchedPartition[] }[];
}

export interface FetchedPartition {
  readonly messages: FetchedMessage[];
  abortedTransactions?: { readonly producerId: string; readonly firstOffset: string }[] | null;
}

export interface FetchedMessage {
  readonly offset: string;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
  isControlRecord: boolean;
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
  assertMethods(broker, ['fetch']);
  assertMethods(broker.connectionPool ?? {}, ['send']);
}

function assertMethods(part: object, names: readonly string[]): void {
  const missing = names.filter((name) => typeof (part as Record<string, unknown>)[name] !== 'function');
  if (missing.length > 0)
    throw new BrokerError(
      `kafkajs lacks ${missing.join(', ')} inside. Install the version that this library is made for: npm i kafkajs@2.2.4`,
      { retryable: false },
    );
}
