import type { Admin } from 'kafkajs';
import { sleep } from '../../core/clock.js';
import { BrokerError, UnknownTopicError } from '../../core/errors.js';
import {
  withinLog,
  type BrokerAdmin,
  type GroupDetails,
  type PartitionDetails,
  type PartitionPosition,
  type PositionTarget,
  type ReadRequest,
  type ReadSink,
  type ServerDetails,
  type TopicDetails,
  type TopicReader,
} from '../broker-admin.js';
import { KafkajsGroups, type BrokerAdminParts } from './kafkajs.groups.js';
import { KafkajsReader } from './kafkajs.reader.js';

/** Of the protocol. kafkajs' own names for them are not there when Node imports it as an ES module: it does not find them in the CommonJS. */
const TOPIC_RESOURCE = 2;
const SET_ON_TOPIC = 1;
const POLL_MS = 100;
const POLLS = 100;

/** Kafka, as people and tools look at it. */
export class KafkajsBrokerAdmin implements BrokerAdmin {
  private readonly groups: KafkajsGroups;

  constructor(private readonly parts: BrokerAdminParts) {
    this.groups = new KafkajsGroups(parts, (topic) => this.partitionsOf(topic));
  }

  async listServers(): Promise<readonly ServerDetails[]> {
    const { brokers } = await this.ask(undefined, (admin) => admin.describeCluster());
    return brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port }));
  }

  async listTopics(): Promise<readonly string[]> {
    return (await this.ask(undefined, (admin) => admin.listTopics())).toSorted();
  }

  async describeTopic(topic: string): Promise<TopicDetails> {
    const partitions = await this.partitionsOf(topic);
    const resources = [{ type: TOPIC_RESOURCE, name: topic }];
    const answer = await this.ask(topic, (admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
    const entries = answer.resources.flatMap(({ configEntries }) => configEntries);
    const own = entries.filter(({ configSource }) => (configSource as number) === SET_ON_TOPIC);
    const configs = Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]));
    return { topic, partitions, configs };
  }

  /** kafkajs repeats the deletion of an unknown topic until it gives up, so its existence is asked for first. */
  async deleteTopic(topic: string): Promise<void> {
    await this.parts.admin.partitionsOf(topic);
    await this.ask(topic, (admin) => admin.deleteTopics({ topics: [topic] }));
    await this.until(`Topic \`${topic}\` is deleted, but is still listed`, async () => {
      const found = await this.parts.admin.describe([topic]);
      return found.length === 0;
    });
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.ask(topic, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
    await this.until(`The new partitions of topic \`${topic}\` have no leaders`, async () => {
      const partitions = await this.partitionsOf(topic).catch(() => []);
      return partitions.length >= count;
    });
  }

  listGroups(): Promise<readonly string[]> {
    return this.groups.list();
  }

  describeGroup(groupId: string): Promise<GroupDetails> {
    return this.groups.describe(groupId);
  }

  async positionsAt(topic: string, target: PositionTarget): Promise<readonly PartitionPosition[]> {
    if ('time' in target) {
      await this.parts.admin.partitionsOf(topic);
      return this.ask(topic, (admin) => admin.fetchTopicOffsetsByTimestamp(topic, target.time));
    }
    const partitions = await this.partitionsOf(topic);
    return partitions.map((one) => ({ partition: one.partition, offset: offsetAt(one, target) }));
  }

  async seek(
    groupId: string,
    topic: string,
    positions: readonly PartitionPosition[],
  ): Promise<readonly PartitionPosition[]> {
    await this.parts.admin.partitionsOf(topic);
    return this.groups.seek(groupId, topic, positions);
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.groups.delete(groupId);
  }

  read(request: ReadRequest, sink: ReadSink): TopicReader {
    const { kafkajs, client, options, context } = this.parts;
    const forget = () => this.ask(undefined, (admin) => admin.deleteGroups([request.groupId]));
    return new KafkajsReader({ kafkajs, client, options, context, request, sink, forget });
  }

  private async partitionsOf(topic: string): Promise<PartitionDetails[]> {
    const { topics } = await this.ask(topic, (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
    const known = topics[0]?.partitions ?? [];
    if (known.length === 0) throw new UnknownTopicError(topic, { connection: this.parts.context.connection });
    const offsets = await this.ask(topic, (admin) => admin.fetchTopicOffsets(topic));
    const details = known.map(({ partitionId: partition, leader, replicas, isr: inSync }) => {
      const { low: start = '0', high: end = '0' } = offsets.find((one) => one.partition === partition) ?? {};
      return { partition, start, end, messages: Number(end) - Number(start), leader, replicas, inSync };
    });
    return details.toSorted((a, b) => a.partition - b.partition);
  }

  private ask<Answer>(topic: string | undefined, question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    return this.parts.admin.ask(topic, question);
  }

  /** The controller answers before the brokers know of it. @throws BrokerError after 10 s. */
  private async until(text: string, holds: () => Promise<boolean>): Promise<void> {
    const { clock, connection } = this.parts.context;
    for (let poll = 0; poll < POLLS; poll++) {
      if (await holds()) return;
      await sleep(clock, POLL_MS);
    }
    throw new BrokerError(`${text} after ${POLLS * POLL_MS} ms. Look at the brokers' log.`, {
      connection,
      retryable: true,
    });
  }
}

function offsetAt(details: PartitionDetails, target: Exclude<PositionTarget, { readonly time: number }>): string {
  if ('offset' in target) return withinLog(target.offset, details);
  return target.at === 'earliest' ? details.start : details.end;
}
