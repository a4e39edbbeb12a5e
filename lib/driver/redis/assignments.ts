import { deadlineIn, settledBefore, sleep, type Deadline } from '../../core/clock.js';
import type { Partition } from '../../core/delivery.js';
import { retryTopicOf } from '../../topic/topic-names.js';
import type { TopicSubscription } from '../driver.js';
import type { ConsumerParts } from './redis.consumer.js';
import { Groups } from './groups.js';
import { Leases, type LeaseHolder } from './leases.js';
import { Reading } from './reading.js';
import type { RedisTopic } from './redis.topics.js';
import { Settler } from './settler.js';

/** A stream that this member reads, and who settles its messages. */
export interface Work {
  readonly reading: Reading;
  readonly settler: Settler;
}

export interface AssignmentsParts extends ConsumerParts {
  readonly member: string;
  /** What is to be read has changed. */
  readonly onChange: () => void;
  readonly onFinished: (reading: Reading, id: string) => void;
}

/** How long the last commands may take although the deadline has passed: they spare the other members a wait. */
const LAST_WORDS_MS = 1_000;

/** What a member reads: the streams of its plain topics, and of topics with partitions those that it has the lease of. */
export class Assignments implements LeaseHolder {
  readonly groups: Groups;
  private readonly work = new Map<Partition, Work>();
  private readonly leases: Leases[] = [];
  private readonly opened = new Set<string>();
  private closing = false;

  constructor(private readonly parts: AssignmentsParts) {
    this.groups = new Groups({ ...parts, groupId: parts.request.groupId });
  }

  get readings(): Reading[] {
    return [...this.work.values()].map(({ reading }) => reading);
  }

  of(partition: Partition): Work | undefined {
    return this.work.get(partition);
  }

  /** Topics that could not be opened before are tried again. False when there was nothing to open. */
  async openTopics(): Promise<boolean> {
    const { topics, request } = this.parts;
    if (this.opened.size === request.topics.length) return false;
    for (const subscription of request.topics) {
      if (this.opened.has(subscription.topic)) continue;
      const topic = await topics.find(subscription.topic);
      await this.openTopic(topic ?? topics.plain(subscription.topic), subscription);
    }
    return true;
  }

  onGained(topic: RedisTopic, indexes: readonly number[]): void {
    if (this.closing) return;
    this.open(topic, indexes);
    this.parts.onChange();
  }

  onLost(topic: RedisTopic, indexes: readonly number[]): void {
    const lost = this.readings.filter(({ source, index }) => source.name === topic.name && indexes.includes(index));
    for (const reading of lost) this.close(reading);
    if (lost.length > 0) this.parts.sink.onLost(lost);
  }

  async drain(topic: RedisTopic, index: number): Promise<void> {
    const reading = this.readings.find((one) => one.source.name === topic.name && one.index === index);
    if (!reading) return;
    const deadline = deadlineIn(this.parts.context.clock, this.parts.request.drainTimeoutMs);
    await this.revoke([reading], deadline);
    deadline.cancel();
  }

  /** Nothing more is taken or read. */
  beginClose(): void {
    this.closing = true;
    for (const leases of this.leases) leases.close();
    for (const reading of this.readings) reading.closing = true;
  }

  /** Handlers finish, what they finished is settled, the rest goes back to the group, and only then do the leases go. */
  async endClose(deadline: Deadline): Promise<void> {
    const { readings } = this;
    if (readings.length > 0) await this.revoke(readings, deadline);
    await this.lastWords(this.groups.bye(readings, this.leases));
    for (const leases of this.leases) leases.end();
  }

  private async openTopic(topic: RedisTopic, subscription: TopicSubscription): Promise<void> {
    const { janitor, request, sink } = this.parts;
    const isThere = await this.groups.ensure(topic, subscription.autoOffsetReset);
    this.opened.add(topic.name);
    if (!isThere) return sink.onError(this.groups.missing(topic), { fatal: true });
    for (const stream of topic.streams) janitor.watch(stream, request.groupId);
    await this.watchDelayed(topic);
    if (topic.partitions > 1) this.lease(topic);
    else this.open(topic, [0]);
  }

  private async watchDelayed({ name, streams }: RedisTopic): Promise<void> {
    const { keys, mover, request, topics } = this.parts;
    mover.watch(keys.delayed(name), streams);
    const retryTopic = retryTopicOf(name, request.groupId);
    if (!request.topics.some(({ topic }) => topic === retryTopic)) return;
    const parking = await topics.find(retryTopic);
    mover.watch(keys.delayedOf(name, request.groupId), (parking ?? topics.plain(retryTopic)).streams);
  }

  private lease(topic: RedisTopic): void {
    const { command: client, keys, context, options, request, member } = this.parts;
    const about = { client, keys, context, member, groupId: request.groupId, leaseMs: options.leaseMs };
    const leases = new Leases({ ...about, topic, holder: this });
    this.leases.push(leases);
    leases.start();
  }

  private open(topic: RedisTopic, indexes: readonly number[]): void {
    const readings = indexes.map((index) => this.createReading(topic, index));
    for (const reading of readings) this.work.set(reading, { reading, settler: this.createSettler(reading) });
    this.parts.sink.onAssigned(readings);
  }

  private createReading(topic: RedisTopic, index: number): Reading {
    const { options, context, format, request } = this.parts;
    const subscription = request.topics.find((one) => one.topic === topic.name) as TopicSubscription;
    return new Reading({ topic, index, subscription, clock: context.clock, format, ...options });
  }

  private createSettler(reading: Reading): Settler {
    const { command: client, context, request, options, keys, member, sink } = this.parts;
    const { groupId } = request;
    const about = { client, context, groupId, member, claimIdleMs: options.claimIdleMs };
    const onFinished = (id: string) => this.parts.onFinished(reading, id);
    const onLate = (count: number) => sink.onLate?.(reading, count);
    const progress = keys.progress(reading.stream, groupId);
    const onGroupMissing = () => this.groups.restore([reading], (error) => sink.onRestored?.(error));
    const leases = keys.leases(reading.topic, groupId);
    return new Settler({ ...about, reading, leases, progress, onFinished, onLate, onGroupMissing });
  }

  private async revoke(readings: readonly Reading[], deadline: Deadline): Promise<void> {
    for (const reading of readings) reading.closing = true;
    this.parts.onChange();
    await this.parts.sink.onRevoking(readings, deadline);
    await Promise.all(readings.map((reading) => this.giveUp(reading, deadline)));
  }

  /** What is finished is settled, the rest goes back to the group. */
  private async giveUp(reading: Reading, deadline: Deadline): Promise<void> {
    const { settler } = this.work.get(reading) ?? {};
    if (!settler) return;
    await settledBefore(settler.flush(), deadline);
    for (const id of reading.ids) settler.giveBack(id, reading.deliveriesOf(id));
    await this.lastWords(settler.flush());
    this.close(reading);
  }

  private close(reading: Reading): void {
    reading.isOwned = false;
    if (reading.hasSuspect) this.parts.quarantine.leave();
    this.work.get(reading)?.settler.end();
    this.work.delete(reading);
  }

  private async lastWords(work: Promise<void>): Promise<void> {
    const enough = new AbortController();
    await Promise.race([work, sleep(this.parts.context.clock, LAST_WORDS_MS, enough.signal)]);
    enough.abort();
  }
}
