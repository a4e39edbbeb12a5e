import { EventEmitter } from 'node:events';
import { systemClock, type Clock } from '../core/clock.js';
import { BrokerUnavailableError, MessagingError } from '../core/errors.js';
import type { OutgoingRecord } from '../core/message.js';
import { MemoryGroup } from './memory-group.js';
import { MemoryTopic, type StoredRecord } from './memory-topic.js';

export interface MemoryBrokerOptions {
  /** Stamps messages and measures their age; the system's clock without it. */
  readonly clock?: Clock;
  /** Messages a topic holds before a send to it has to wait. */
  readonly maxMessagesPerTopic?: number;
}

/** What can be made to fail. */
export type BrokerOperation = 'send' | 'settle' | 'connect';

interface BrokerEvents {
  /** A record was written. */
  append: [topic: string, index: number, record: StoredRecord];
  /** A group's position moved. */
  commit: [groupId: string];
}

/**
 * A broker in this process: partitions, offsets, groups with positions and rebalances, as on Kafka, without durability. It is the
 * other end of the wire for the `memory` connection; several connections and apps may share one.
 *
 * Messages older than the topic's `retentionMs` are dropped. Those that all groups have passed are kept for late groups until their
 * topic is full; then they are dropped too, and when nothing can be dropped a send waits.
 */
export class MemoryBroker {
  /** @internal */
  readonly events = new EventEmitter<BrokerEvents>().setMaxListeners(0);
  private readonly topics = new Map<string, MemoryTopic>();
  private readonly groups = new Map<string, MemoryGroup>();
  private readonly faults: { readonly operation: BrokerOperation; readonly fault: MessagingError }[] = [];
  private readonly clock: Clock;
  private readonly maxMessagesPerTopic: number;

  constructor({ clock = systemClock, maxMessagesPerTopic = 100_000 }: MemoryBrokerOptions = {}) {
    this.clock = clock;
    this.maxMessagesPerTopic = maxMessagesPerTopic;
  }

  /**
   * Makes the next operation of this kind fail, as a broker would: `send` of a record, `settle` of a message, `connect` of a connection.
   * An error of this library fails as it says by itself; any other counts as a broker that cannot be reached, so what repeats is repeated.
   *
   * @example
   * ```ts
   * broker.failNext('send', new AuthorizationError('no WRITE permission on `payments`'));
   * ```
   */
  failNext(operation: BrokerOperation, error: Error): void {
    const fault = error instanceof MessagingError ? error : new BrokerUnavailableError(error.message, { cause: error });
    this.faults.push({ operation, fault });
  }

  /** Makes all groups share their partitions out anew, as when a member comes or goes. Resolves when it is done. */
  async rebalance(): Promise<void> {
    await Promise.all([...this.groups.values()].map((group) => group.rebalance()));
  }

  /** The error that the operation is to fail with, once. @internal */
  takeFault(operation: BrokerOperation): MessagingError | undefined {
    const index = this.faults.findIndex((one) => one.operation === operation);
    return index < 0 ? undefined : this.faults.splice(index, 1)[0]?.fault;
  }

  /** @internal */
  topic(name: string): MemoryTopic | undefined {
    return this.topics.get(name);
  }

  /** @internal */
  get topicNames(): readonly string[] {
    return [...this.topics.keys()];
  }

  /** @internal */
  get groupIds(): readonly string[] {
    return [...this.groups.keys()];
  }

  /** Leaves an existing topic alone. @internal */
  createTopic(name: string, partitions: number, retentionMs?: number): MemoryTopic {
    const existing = this.topics.get(name);
    if (existing) return existing;
    const topic = new MemoryTopic(name, partitions, retentionMs === -1 ? undefined : retentionMs); // -1 is without end, as in Kafka
    this.topics.set(name, topic);
    void this.rebalanceReaders(name);
    return topic;
  }

  /** Its messages and all groups' positions in it are gone. @internal */
  async deleteTopic(name: string): Promise<void> {
    this.topics.delete(name);
    for (const group of this.groups.values()) group.forget(name);
    await this.rebalanceReaders(name);
  }

  /** @param count how many it then has in all @internal */
  async addPartitions(name: string, count: number): Promise<void> {
    this.topics.get(name)?.grow(count);
    await this.rebalanceReaders(name);
  }

  /** @internal */
  deleteGroup(groupId: string): void {
    this.groups.delete(groupId);
  }

  /** @internal */
  group(groupId: string): MemoryGroup {
    const known = this.groups.get(groupId);
    if (known) return known;
    const group = new MemoryGroup((topic) => this.topics.get(topic)?.logs.length ?? 0);
    this.groups.set(groupId, group);
    return group;
  }

  /** @internal */
  commit(groupId: string, topic: string, index: number, position: number): void {
    this.group(groupId).commit(topic, index, position);
    const waiting = this.topics.get(topic)?.waiting;
    for (let sender = waiting?.shift(); sender; sender = waiting?.shift()) sender();
    this.events.emit('commit', groupId);
  }

  /** @returns the offset, or undefined when the topic is full: wait for `room` and try again. @internal */
  append(topic: MemoryTopic, index: number, record: OutgoingRecord): number | undefined {
    return this.hasRoom(topic) ? this.appendNow(topic, index, record) : undefined;
  }

  /** Whether the topic takes another record now. @internal */
  hasRoom(topic: MemoryTopic): boolean {
    return topic.size < this.maxMessagesPerTopic || this.makeRoom(topic);
  }

  /** Appends at a later time, however full the topic is then. @internal */
  appendLater(topic: MemoryTopic, index: number, record: OutgoingRecord, dueAt: number): void {
    this.clock.after(dueAt - this.clock.now(), () => this.appendNow(topic, index, record));
  }

  /** Resolves when a group moved on in the topic, so that a send may be tried again. @internal */
  room(topic: string): Promise<void> {
    return new Promise((resolve) => this.topics.get(topic)?.waiting.push(resolve));
  }

  /** How many messages each group has not finished, by topic; those that have none are left out. @internal */
  lags(): { readonly groupId: string; readonly topic: string; readonly lag: number }[] {
    const all = [...this.groups].flatMap(([groupId, group]) =>
      [...group.topics].map((topic) => ({ groupId, topic, lag: this.lagOf(group, topic) })),
    );
    return all.filter(({ lag }) => lag > 0);
  }

  private async rebalanceReaders(topic: string): Promise<void> {
    const readers = [...this.groups.values()].filter((group) => group.topics.has(topic));
    await Promise.all(readers.map((group) => group.rebalance()));
  }

  private appendNow(topic: MemoryTopic, index: number, record: OutgoingRecord): number {
    const log = topic.logs[index];
    if (!log) throw new RangeError(`topic ${topic.name} has no partition ${index}`);
    if (topic.retentionMs !== undefined) log.dropBefore(log.offsetAt(this.clock.now() - topic.retentionMs));
    const { key, value, headers } = record;
    const stored = { key, value, headers, timestamp: record.timestamp ?? this.clock.now() };
    const offset = log.append(stored);
    this.events.emit('append', topic.name, index, { ...stored, offset });
    return offset;
  }

  private lagOf(group: MemoryGroup, topic: string): number {
    const logs = this.topics.get(topic)?.logs ?? [];
    return logs.reduce(
      (sum, log, index) => sum + log.end - Math.max(group.position(topic, index) ?? log.start, log.start),
      0,
    );
  }

  /** Drops what all groups that read the topic have passed. */
  private makeRoom(topic: MemoryTopic): boolean {
    const readers = [...this.groups.values()].filter((group) => group.topics.has(topic.name));
    if (readers.length === 0) return false;
    topic.logs.forEach((log, index) => {
      log.dropBefore(Math.min(...readers.map((group) => group.position(topic.name, index) ?? log.start)));
    });
    return topic.size < this.maxMessagesPerTopic;
  }
}
