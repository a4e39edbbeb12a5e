import type {
  PartitionDetails,
  PartitionPosition,
  ReadRequest,
  ReadSink,
  ServerDetails,
  TopicReader,
} from '../broker-admin.js';

/** Settings of a topic by the broker's own names. */
export type TopicConfigs = Readonly<Record<string, string>>;

/** What a client asks the cluster, one request each; what follows from the answers is the same for both. */
export interface AdminClient {
  readonly groups: GroupClient;
  servers(): Promise<readonly ServerDetails[]>;
  topics(): Promise<readonly string[]>;
  /** In the order of their numbers. @throws UnknownTopicError */
  partitions(topic: string): Promise<readonly PartitionDetails[]>;
  /** Those that somebody made; null when this client cannot see them. */
  configs(topic: string): Promise<TopicConfigs | null>;
  /** Makes these the topic's settings, in place of all that it has. */
  setConfigs(topic: string, configs: TopicConfigs): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  addPartitions(topic: string, count: number): Promise<void>;
  /** The first message in each partition that is not older than `time` (ms since the epoch); the end where there is none. */
  offsetsAt(topic: string, time: number): Promise<readonly PartitionPosition[]>;
  read(request: ReadRequest, sink: ReadSink): TopicReader;
}

export interface GroupState {
  /** The broker's word, in lower case. */
  readonly state: string;
  /** Null when the client cannot see them. */
  readonly members: number | null;
  /** Which client has which partition, by `nameOf`. */
  readonly readers: ReadonlyMap<string, string>;
  readonly topics: readonly string[];
}

export interface GroupClient {
  /** Groups of readers, and those that only keep positions; Connect and others have protocols of their own. */
  list(): Promise<readonly string[]>;
  /** Undefined when the cluster does not know it. */
  state(groupId: string): Promise<GroupState | undefined>;
  /** By topic and partition. */
  positions(groupId: string): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>>;
  /** One attempt to commit positions of a group that nobody is a member of. */
  move(groupId: string, topic: string, positions: readonly PartitionPosition[]): Promise<void>;
  delete(groupId: string): Promise<void>;
}

/** `/127.0.0.1` as the broker writes it. */
export function hostOf(clientHost: string): string {
  return clientHost.replace(/^\//, '');
}
