import type { Admin, Kafka } from 'kafkajs';
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
import { optionalPackage } from '../optional-package.js';
import { KafkajsAdmin } from './kafkajs.admin.js';
import { createClient, type KafkajsModule } from './kafkajs.client.js';
import { KafkajsGroupClient } from './kafkajs.group-client.js';
import { KafkajsReader } from './kafkajs.reader.js';

export interface AdminClientParts {
  readonly kafkajs: KafkajsModule;
  readonly client: Kafka;
  readonly admin: KafkajsAdmin;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
}

export interface KafkajsBesideParts {
  readonly admin: KafkajsAdmin;
  readonly groups: KafkajsGroupClient;
}

/** For another client, which has no request for these. @throws MissingPackageError when kafkajs is not installed. */
export async function openKafkajsBeside(
  options: ResolvedKafkaOptions,
  context: DriverContext,
): Promise<KafkajsBesideParts> {
  const { default: kafkajs } = await optionalPackage(
    'kafkajs',
    'the settings of topics, and groups',
    () => import('kafkajs'),
  );
  const client = createClient(kafkajs, options, context);
  const admin = new KafkajsAdmin(client, context);
  return { admin, groups: new KafkajsGroupClient({ kafkajs, client, admin, options, context }) };
}

/** The cluster, asked through kafkajs. */
export class KafkajsAdminClient implements AdminClient {
  readonly groups: KafkajsGroupClient;

  constructor(private readonly parts: AdminClientParts) {
    this.groups = new KafkajsGroupClient(parts);
  }

  async servers(): Promise<readonly ServerDetails[]> {
    const { brokers } = await this.ask(undefined, (admin) => admin.describeCluster());
    return brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port }));
  }

  topics(): Promise<readonly string[]> {
    return this.ask(undefined, (admin) => admin.listTopics());
  }

  async partitions(topic: string): Promise<readonly PartitionDetails[]> {
    const known = await this.parts.admin.metadataOf(topic);
    const offsets = await this.parts.admin.offsets(topic);
    const details = known.map(({ partitionId: partition, leader, replicas, isr: inSync }) => {
      const { low: start = '0', high: end = '0' } = offsets.find((one) => one.partition === partition) ?? {};
      return { partition, start, end, messages: Number(end) - Number(start), leader, replicas, inSync };
    });
    return details.toSorted((a, b) => a.partition - b.partition);
  }

  configs(topic: string): Promise<TopicConfigs> {
    return this.parts.admin.configs(topic);
  }

  setConfigs(topic: string, configs: TopicConfigs): Promise<void> {
    return this.parts.admin.setConfigs(topic, configs);
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.ask(topic, (admin) => admin.deleteTopics({ topics: [topic] }));
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.ask(topic, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
  }

  offsetsAt(topic: string, time: number): Promise<readonly PartitionPosition[]> {
    return this.ask(topic, (admin) => admin.fetchTopicOffsetsByTimestamp(topic, time));
  }

  read(request: ReadRequest, sink: ReadSink): TopicReader {
    const { kafkajs, client, options, context } = this.parts;
    const forget = () => this.ask(undefined, (admin) => admin.deleteGroups([request.groupId]));
    return new KafkajsReader({ kafkajs, client, options, context, request, sink, forget });
  }

  private ask<Answer>(topic: string | undefined, question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    return this.parts.admin.ask(topic, question);
  }
}
