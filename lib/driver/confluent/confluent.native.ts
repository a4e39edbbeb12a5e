/**
 * The part of `@confluentinc/kafka-javascript` that is used here: its raw API, which is node-rdkafka's. Declared by us, since the package
 * cannot be a dependency of this one: its install compiles, or fetches a binary.
 */
export interface ConfluentModule {
  readonly Producer: new (config: NativeConfig, topicConfig?: NativeConfig) => NativeProducer;
  readonly KafkaConsumer: new (config: NativeConfig, topicConfig?: NativeConfig) => NativeConsumer;
  readonly AdminClient: { createFrom(client: NativeClient): NativeAdmin };
  readonly OffsetSpec: { new (time: number): unknown; readonly LATEST: unknown; readonly EARLIEST: unknown };
  readonly librdkafkaVersion: string;
}

export type NativeConfig = Readonly<Record<string, string | number | boolean | ((...args: never[]) => unknown)>>;

/** `code` is librdkafka's: negative for its own errors, else the protocol's. */
export interface NativeError extends Error {
  readonly code: number;
  readonly isFatal?: boolean;
  readonly isRetriable?: boolean;
}

export type Callback<Result = void> = (error: NativeError | null | undefined, result: Result) => void;

export interface NativeClient {
  connect(metadata: { readonly allTopics: boolean; readonly timeout: number }, done: Callback<unknown>): void;
  disconnect(done: () => void): void;
  isConnected(): boolean;
  /** Of a producer: hands over events and reports. */
  poll?(): void;
  getMetadata(
    options: { readonly topic?: string; readonly allTopics?: boolean; readonly timeout: number },
    done: Callback<{ readonly brokers: readonly NativeServer[] }>,
  ): void;
  on(event: 'event.error', listener: (error: NativeError) => void): void;
  emit(event: 'event.error', error: NativeError): void;
  /** A token that could not be had. */
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'event.log', listener: (entry: { readonly fac?: string; readonly message?: string }) => void): void;
  on(event: 'delivery-report', listener: (error: NativeError | null, report: DeliveryReport) => void): void;
  on(event: 'partition.eof', listener: (end: NativePosition) => void): void;
}

export interface NativeProducer extends NativeClient {
  /** @throws NativeError; code -184 when its queue is full. */
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key: Buffer | null,
    timestamp: number | undefined,
    opaque: unknown,
    headers: readonly NativeHeader[] | undefined,
  ): void;
  setPollInBackground(on: boolean): void;
  flush(timeoutMs: number, done: Callback): void;
  initTransactions(timeoutMs: number, done: Callback): void;
  beginTransaction(done: Callback): void;
  sendOffsetsToTransaction(
    positions: readonly NativePosition[],
    consumer: NativeConsumer,
    timeoutMs: number,
    done: Callback,
  ): void;
  commitTransaction(timeoutMs: number, done: Callback): void;
  abortTransaction(timeoutMs: number, done: Callback): void;
}

export type NativeHeader = Readonly<Record<string, Buffer>>;

export interface DeliveryReport {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly opaque: unknown;
}

export interface NativePosition {
  readonly topic: string;
  readonly partition: number;
  /** Absent where there is none. */
  readonly offset?: number;
  readonly metadata?: string;
}

export interface NativeMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly NativeHeader[];
}

export interface NativeConsumer extends NativeClient {
  subscribe(topics: readonly string[]): void;
  unsubscribe(): void;
  setDefaultConsumeTimeout(ms: number): void;
  consume(max: number, done: Callback<readonly NativeMessage[] | undefined>): void;
  assign(positions: readonly NativePosition[]): void;
  unassign(): void;
  incrementalAssign(positions: readonly NativePosition[]): void;
  incrementalUnassign(positions: readonly NativePosition[]): void;
  assignmentLost(): boolean;
  rebalanceProtocol(): string;
  committed(
    partitions: readonly NativePosition[],
    timeoutMs: number,
    done: Callback<readonly (NativePosition | Error)[]>,
  ): void;
  /** The broker's answer comes to `offset_commit_cb`, with a poll. @throws NativeError */
  commit(positions: readonly NativePosition[]): void;
  /** Calls back once the commit is on its way, whatever its docs say (1.10.1: `commitAsync` is all it does). */
  commitCb(positions: readonly NativePosition[], done: Callback): void;
  pause(partitions: readonly NativePosition[]): void;
  resume(partitions: readonly NativePosition[]): void;
  seek(position: NativePosition, timeoutMs: number, done: Callback): void;
}

export interface NativeServer {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

interface Timeout {
  readonly timeout: number;
}

export interface NativeAdmin {
  getMetadata: NativeClient['getMetadata'];
  createTopic(topic: NativeTopic, timeoutMs: number, done: Callback): void;
  deleteTopic(topic: string, timeoutMs: number, done: Callback): void;
  createPartitions(topic: string, count: number, timeoutMs: number, done: Callback): void;
  listTopics(options: Timeout, done: Callback<readonly string[]>): void;
  /** `errors`: of brokers that did not tell theirs. */
  listGroups(
    options: Timeout,
    done: Callback<{ readonly groups: readonly NativeGroup[]; readonly errors: readonly NativeError[] }>,
  ): void;
  describeGroups(
    groups: readonly string[],
    options: Timeout,
    done: Callback<{ readonly groups: readonly NativeGroupDetails[] }>,
  ): void;
  deleteGroups(
    groups: readonly string[],
    options: Timeout,
    done: Callback<readonly { readonly error?: NativeError }[]>,
  ): void;
  listConsumerGroupOffsets(
    groups: readonly { readonly groupId: string }[],
    options: Timeout,
    done: Callback<readonly { readonly error?: NativeError; readonly partitions: readonly OffsetAnswer[] }[]>,
  ): void;
  describeTopics(topics: readonly string[], options: Timeout, done: Callback<readonly TopicAnswer[]>): void;
  listOffsets(
    partitions: readonly { readonly topic: string; readonly partition: number; readonly offset: unknown }[],
    options: { readonly timeout: number; readonly isolationLevel: 0 | 1 },
    done: Callback<readonly OffsetAnswer[]>,
  ): void;
}

export interface OffsetAnswer extends NativePosition {
  readonly error?: NativeError;
}

export interface NativeTopic {
  readonly topic: string;
  readonly num_partitions: number;
  readonly replication_factor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicAnswer {
  readonly name: string;
  readonly error?: NativeError;
  readonly partitions: readonly {
    readonly partition: number;
    readonly leader?: NativeServer;
    readonly replicas: readonly NativeServer[];
    readonly isr: readonly NativeServer[];
  }[];
}

export interface NativeGroup {
  readonly groupId: string;
  readonly protocolType: string;
}

export interface NativeGroupDetails {
  readonly groupId: string;
  /** librdkafka's number of it (rdkafka.h, `rd_kafka_consumer_group_state_t`). */
  readonly state: number;
  readonly members: readonly {
    readonly clientId: string;
    readonly clientHost: string;
    readonly assignment: { readonly topicPartitions: readonly NativePosition[] };
  }[];
}

/** A call with a callback as a promise. */
export function promised<Result>(call: (done: Callback<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) =>
    call((error, result) => {
      if (error) reject(error);
      else resolve(result);
    }),
  );
}
