import { settledWithin } from '../../core/clock.js';
import {
  BrokerFullError,
  DeliveryTimeoutError,
  UnknownPartitionError,
  UnknownTopicError,
  type MessagingError,
} from '../../core/errors.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import { partitionOf } from '../../core/murmur2.js';
import type { MemoryBroker } from '../../memory-broker/memory-broker.js';
import type { MemoryTopic } from '../../memory-broker/memory-topic.js';
import type { ResolvedMemoryOptions } from '../../options/memory.options.js';
import { closedConnection } from '../closed-connection.js';
import type { DriverContext } from '../driver.js';
import { tooLarge } from '../too-large.js';

/** Writes to the embedded broker. */
export class MemoryProducer {
  private closed = false;
  private nextPartition = 0;

  constructor(
    private readonly broker: MemoryBroker,
    private readonly options: ResolvedMemoryOptions,
    private readonly context: DriverContext,
  ) {}

  get timeoutMs(): number {
    return this.options.deliveryTimeoutMs;
  }

  async send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    if (this.closed) return records.map(() => this.closedError());
    const results: SendResult[] = [];
    for (const record of records) results.push(this.write(record) ?? (await this.writeBefore(record, deadline)));
    return results;
  }

  /** All of them or none, now. @returns why not. */
  sendTogether(records: readonly OutgoingRecord[]): MessagingError | undefined {
    if (this.closed) return this.closedError();
    for (const record of records) {
      const fault = this.refusal(record);
      if (fault) return fault;
    }
    for (const record of records) this.append(record, this.topicOf(record.topic) as MemoryTopic);
    return undefined;
  }

  /** What is being sent goes on: in memory it waits for nothing but room. */
  close(): void {
    this.closed = true;
  }

  private async writeBefore(record: OutgoingRecord, deadline: number): Promise<SendResult> {
    for (;;) {
      const result = this.write(record);
      if (result) return result;
      const hasRoom = await this.roomBefore(record.topic, deadline);
      if (!hasRoom) return new DeliveryTimeoutError(record.topic, this.options.deliveryTimeoutMs, 'not-written');
    }
  }

  /** Undefined when the topic is full. */
  private write(record: OutgoingRecord): SendResult | undefined {
    const refusal = this.refusal(record);
    if (refusal instanceof BrokerFullError) return undefined;
    return refusal ?? this.append(record, this.topicOf(record.topic) as MemoryTopic);
  }

  private refusal(record: OutgoingRecord): MessagingError | undefined {
    const { connection } = this.context;
    const topic = this.topicOf(record.topic);
    if (topic === undefined) return new UnknownTopicError(record.topic, { connection });
    const fault = this.faultOf(record, topic.logs.length) ?? this.broker.takeFault('send');
    if (fault || record.dueAt !== undefined || this.broker.hasRoom(topic)) return fault;
    return new BrokerFullError(`topic ${topic.name} is full`, { connection, topic: topic.name });
  }

  private append(record: OutgoingRecord, topic: MemoryTopic): SendResult {
    const partition = this.choosePartition(record, topic.logs.length);
    if (record.dueAt === undefined) {
      const offset = this.broker.append(topic, partition, record);
      return { topic: topic.name, partition, offset: String(offset) };
    }
    this.broker.appendLater(topic, partition, record, record.dueAt);
    return { topic: topic.name, partition: -1, offset: '' };
  }

  private topicOf(name: string): MemoryTopic | undefined {
    const { autoCreateTopics, partitions } = this.options;
    return autoCreateTopics ? this.broker.createTopic(name, partitions) : this.broker.topic(name);
  }

  private faultOf(record: OutgoingRecord, partitions: number): MessagingError | undefined {
    if (record.partition !== undefined && !(record.partition >= 0 && record.partition < partitions))
      return new UnknownPartitionError(record.topic, record.partition, partitions);
    return tooLarge(record, this.options.maxMessageBytes);
  }

  private choosePartition(record: OutgoingRecord, partitions: number): number {
    if (record.partition !== undefined) return record.partition;
    if (record.key !== null) return partitionOf(record.key, partitions);
    return this.nextPartition++ % partitions;
  }

  private roomBefore(topic: string, at: number): Promise<boolean> {
    const { clock } = this.context;
    return settledWithin(clock, this.broker.room(topic), at - clock.now());
  }

  private closedError(): MessagingError {
    return closedConnection(this.context.connection);
  }
}
