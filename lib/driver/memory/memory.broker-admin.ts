import { BrokerError, GroupInUseError, UnknownGroupError, UnknownTopicError } from '../../core/errors.js';
import type { MemoryBroker } from '../../memory-broker/memory-broker.js';
import type { MemoryGroup } from '../../memory-broker/memory-group.js';
import type { MemoryLog, MemoryTopic } from '../../memory-broker/memory-topic.js';
import {
  lagOf,
  withinLog,
  type BrokerAdmin,
  type GroupDetails,
  type GroupPartition,
  type PartitionDetails,
  type PartitionPosition,
  type PositionTarget,
  type ReadRequest,
  type ReadSink,
  type ServerDetails,
  type TopicDetails,
  type TopicReader,
} from '../broker-admin.js';
import { MemoryReader } from './memory.reader.js';

/** The embedded broker, as people and tools look at it. */
export class MemoryBrokerAdmin implements BrokerAdmin {
  constructor(private readonly broker: MemoryBroker) {}

  async listServers(): Promise<readonly ServerDetails[]> {
    return [];
  }

  async listTopics(): Promise<readonly string[]> {
    return this.broker.topicNames.toSorted();
  }

  async describeTopic(name: string): Promise<TopicDetails> {
    const { logs, retentionMs } = this.topic(name);
    const configs = retentionMs === undefined ? {} : { 'retention.ms': String(retentionMs) };
    return { topic: name, partitions: logs.map(detailsOf), configs };
  }

  async deleteTopic(name: string): Promise<void> {
    this.topic(name);
    await this.broker.deleteTopic(name);
  }

  async addPartitions(name: string, count: number): Promise<void> {
    const { logs } = this.topic(name);
    if (count <= logs.length)
      throw new BrokerError(
        `Expected more than the ${logs.length} partitions that topic \`${name}\` has, got ${count}. Partitions are never taken away.`,
        { topic: name, retryable: false },
      );
    await this.broker.addPartitions(name, count);
  }

  async listGroups(): Promise<readonly string[]> {
    return this.broker.groupIds.toSorted();
  }

  async describeGroup(groupId: string): Promise<GroupDetails> {
    const group = this.group(groupId);
    const names = this.broker.topicNames.filter((name) => group.topics.has(name) || group.hasPosition(name));
    const partitions = names.toSorted().flatMap((name) => this.partitionsOf(group, name));
    return { groupId, state: group.size > 0 ? 'stable' : 'empty', members: group.size, partitions };
  }

  async positionsAt(name: string, target: PositionTarget): Promise<readonly PartitionPosition[]> {
    return this.topic(name).logs.map((log, partition) => ({ partition, offset: offsetAt(log, partition, target) }));
  }

  async seek(
    groupId: string,
    topic: string,
    positions: readonly PartitionPosition[],
  ): Promise<readonly PartitionPosition[]> {
    const { logs } = this.topic(topic);
    const group = this.broker.group(groupId);
    if (group.size > 0) throw new GroupInUseError(groupId, group.size, { topic });
    for (const { partition, offset } of positions)
      if (logs[partition]) this.broker.commit(groupId, topic, partition, Number(offset));
    return positions.map(({ partition }) => ({ partition, offset: String(group.position(topic, partition) ?? -1) }));
  }

  async deleteGroup(groupId: string): Promise<void> {
    const { size } = this.group(groupId);
    if (size > 0) throw new GroupInUseError(groupId, size);
    this.broker.deleteGroup(groupId);
  }

  read(request: ReadRequest, sink: ReadSink): TopicReader {
    return new MemoryReader(this.broker, request, sink);
  }

  private topic(name: string): MemoryTopic {
    const topic = this.broker.topic(name);
    if (!topic) throw new UnknownTopicError(name);
    return topic;
  }

  private group(groupId: string): MemoryGroup {
    if (!this.broker.groupIds.includes(groupId)) throw new UnknownGroupError(groupId);
    return this.broker.group(groupId);
  }

  private partitionsOf(group: MemoryGroup, topic: string): GroupPartition[] {
    return this.topic(topic).logs.map((log, index) => {
      const { partition, start, end } = detailsOf(log, index);
      const known = group.position(topic, index);
      const position = known === undefined ? null : String(known);
      const lag = lagOf(position, start, end);
      return { topic, partition, position, start, end, lag, member: group.readerOf(topic, index) };
    });
  }
}

function detailsOf({ start, end }: MemoryLog, partition: number): PartitionDetails {
  return { partition, start: String(start), end: String(end), messages: end - start };
}

function offsetAt(log: MemoryLog, partition: number, target: PositionTarget): string {
  if ('time' in target) return String(log.offsetAt(target.time));
  if ('offset' in target) return withinLog(target.offset, detailsOf(log, partition));
  return String(target.at === 'earliest' ? log.start : log.end);
}
