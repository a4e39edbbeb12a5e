import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type {
  PartitionDetails,
  PartitionPosition,
  ReadRequest,
  ReadSink,
  ServerDetails,
  TopicReader,
} from '../broker-admin.js';
import type { DriverContext } from '../driver.js';
import type { AdminClient, TopicConfigs } from '../kafka/admin-client.js';
import { TIMEOUT_MS, type ConfluentAdmin } from './confluent.admin.js';
import { ConfluentGroups } from './confluent.groups.js';
import { type Callback, type ConfluentModule, type NativeClient, type NativeServer } from './confluent.native.js';
import { ConfluentReader } from './confluent.reader.js';
import type { KafkajsBeside } from './kafkajs-beside.js';

const READ_UNCOMMITTED = 0;

export interface AdminClientParts {
  readonly confluent: ConfluentModule;
  readonly admin: ConfluentAdmin;
  /** The client whose connections are shared. */
  readonly native: () => NativeClient | undefined;
  readonly kafkajs: KafkajsBeside;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
}

/** The cluster, asked through librdkafka; settings of topics, and groups, through kafkajs where it is installed. */
export class ConfluentAdminClient implements AdminClient {
  readonly groups: ConfluentGroups;

  constructor(private readonly parts: AdminClientParts) {
    this.groups = new ConfluentGroups(parts);
  }

  async servers(): Promise<readonly ServerDetails[]> {
    const { brokers } = await this.parts.admin.ask<{ readonly brokers: readonly NativeServer[] }>(
      undefined,
      (_, done) => this.parts.native()?.getMetadata({ allTopics: false, timeout: TIMEOUT_MS }, done),
    );
    return brokers.map(({ id, host, port }) => ({ id, host, port }));
  }

  topics(): Promise<readonly string[]> {
    return this.parts.admin.ask<readonly string[]>(undefined, (admin, done) =>
      admin.listTopics({ timeout: TIMEOUT_MS }, done),
    );
  }

  async partitions(topic: string): Promise<readonly PartitionDetails[]> {
    const known = await this.parts.admin.partitions(topic);
    const bounds = await this.parts.admin.bounds(known.map(({ partition }) => ({ topic, partition })));
    const details = known.map(({ partition, leader, replicas, isr }) => {
      const { start = 0, end = 0 } = bounds.find((one) => one.partition === partition) ?? {};
      const ids = (servers: readonly NativeServer[]) => servers.map(({ id }) => id);
      const where = { ...(leader && { leader: leader.id }), replicas: ids(replicas), inSync: ids(isr) };
      return { partition, start: String(start), end: String(end), messages: end - start, ...where };
    });
    return details.toSorted((a, b) => a.partition - b.partition);
  }

  async configs(topic: string): Promise<TopicConfigs | null> {
    return (await this.parts.kafkajs.find())?.admin.configs(topic) ?? null;
  }

  async setConfigs(topic: string, configs: TopicConfigs): Promise<void> {
    await (await this.parts.kafkajs.open()).admin.setConfigs(topic, configs);
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.parts.admin.ask(topic, (admin, done: Callback) => admin.deleteTopic(topic, TIMEOUT_MS, done));
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.parts.admin.ask(topic, (admin, done: Callback) =>
      admin.createPartitions(topic, count, TIMEOUT_MS, done),
    );
  }

  async offsetsAt(topic: string, time: number): Promise<readonly PartitionPosition[]> {
    const { admin, confluent } = this.parts;
    const partitions = (await admin.partitions(topic)).map(({ partition }) => ({ topic, partition }));
    const found = await admin.offsetsAt(partitions, new confluent.OffsetSpec(time), READ_UNCOMMITTED);
    const ends = await admin.ends(partitions);
    return found.map(({ partition, offset }) => {
      const end = ends.find((one) => one.partition === partition)?.offset ?? offset;
      return { partition, offset: Number(offset) < 0 ? end : offset };
    });
  }

  read(request: ReadRequest, sink: ReadSink): TopicReader {
    return new ConfluentReader({ ...this.parts, request, sink });
  }
}
