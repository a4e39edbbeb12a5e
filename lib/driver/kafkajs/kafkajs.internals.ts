import type { Kafka } from 'kafkajs';
import { BrokerError } from '../../core/errors.js';
import type { FetchedRecords } from './fetch/fetched-records.js';

/** What kafkajs 2.2.4 has inside and does not export. */
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
  produce: (this: KafkajsBroker, request: unknown) => Promise<unknown>;
  /** Of the newest version that both sides know. */
  readonly lookupRequest: (apiKey: number, definition: unknown) => AskBroker;
}

type AskBroker = (params: unknown) => KafkajsQuestion;

/** A request, and how its answer is read. */
export interface KafkajsQuestion {
  readonly request: { readonly apiVersion: number; expectResponse?(): boolean; encode(): Promise<Encoded> };
  readonly response: { decode(answer: Buffer): Promise<unknown> };
}

/** As an encoder of kafkajs, of which it copies the bytes. */
interface Encoded {
  readonly buf: Buffer;
  readonly buffer: Buffer;
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

const CREATE_CLUSTER = 'private:Kafka:createCluster';

/**
 * The client, but each cluster that it makes is shown first.
 *
 * @throws BrokerError when another version is installed than the one that is known inside.
 */
export function showingClusters(client: Kafka, show: (cluster: KafkajsCluster) => void): Kafka {
  const create = Object.getOwnPropertySymbols(client).find(({ description }) => description === CREATE_CLUSTER);
  if (!create) throw lacking([CREATE_CLUSTER]);
  const createCluster = Reflect.get(client, create) as (config: unknown) => KafkajsCluster;
  const value = (config: unknown) => {
    const cluster = createCluster(config);
    show(cluster);
    return cluster;
  };
  return Object.create(client, { [create]: { value } }) as Kafka;
}

/** Each broker is shown once, when the cluster first finds it. @throws BrokerError likewise, and from there. */
export function showBrokers(cluster: KafkajsCluster, show: (broker: KafkajsBroker) => void): void {
  assertInternals(cluster);
  const findBroker = cluster.findBroker.bind(cluster);
  const shown = new WeakSet<KafkajsBroker>();
  cluster.findBroker = async (args) => {
    const broker = await findBroker(args);
    assertBrokerInternals(broker);
    if (!shown.has(broker)) show(broker);
    shown.add(broker);
    return broker;
  };
}

/** The broker, whose questions are changed before they are put. */
export function withQuestions(broker: KafkajsBroker, change: (ask: AskBroker) => AskBroker): KafkajsBroker {
  const lookupRequest: KafkajsBroker['lookupRequest'] = (...api) => change(broker.lookupRequest(...api));
  return Object.create(broker, { lookupRequest: { value: lookupRequest } }) as KafkajsBroker;
}

function assertInternals(cluster: KafkajsCluster): void {
  assertMethods(cluster, [
    'findGroupCoordinator',
    'findBroker',
    'addMultipleTargetTopics',
    'findTopicPartitionMetadata',
    'fetchTopicsOffset',
    'disconnect',
  ]);
}

function assertBrokerInternals(broker: KafkajsBroker): void {
  assertMethods(broker, ['fetch', 'produce', 'lookupRequest', 'offsetFetch', 'offsetCommit']);
}

function assertMethods(part: object, names: readonly string[]): void {
  const missing = names.filter((name) => typeof (part as Record<string, unknown>)[name] !== 'function');
  if (missing.length > 0) throw lacking(missing);
}

function lacking(names: readonly string[]): BrokerError {
  const version = 'Install the version that this library is made for: npm i kafkajs@2.2.4';
  return new BrokerError(`kafkajs lacks ${names.join(', ')} inside. ${version}`, { retryable: false });
}
