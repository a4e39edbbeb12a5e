import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { settledBefore, type Deadline } from '../../core/clock.js';
import type { Delivery, Partition } from '../../core/delivery.js';
import type { Outcome } from '../../core/outcome.js';
import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import type { DeliverySink, DriverContext, SubscribeRequest, Subscription } from '../driver.js';
import { Assignments } from './assignments.js';
import { Heartbeat } from './heartbeat.js';
import type { Janitor } from './janitor.js';
import type { Mover } from './mover.js';
import { Outputs } from './outputs.js';
import { PendingScan } from './pending-scan.js';
import type { Quarantine } from './quarantine.js';
import { ReadLoop, type ReadLoopParts } from './read-loop.js';
import type { Reading } from './reading.js';
import type { RedisClients } from './redis.client.js';
import type { Entry, EntryFormat } from './redis.fields.js';
import type { RedisKeys } from './redis.keys.js';
import type { RedisProducer } from './redis.producer.js';
import type { RedisTopics } from './redis.topics.js';
import { readLeased, readShared } from './stream-reads.js';

export interface ConsumerParts {
  readonly clients: RedisClients;
  readonly command: Redis;
  readonly topics: RedisTopics;
  readonly keys: RedisKeys;
  readonly format: EntryFormat;
  readonly producer: RedisProducer;
  readonly mover: Mover;
  readonly janitor: Janitor;
  readonly quarantine: Quarantine;
  readonly options: ResolvedRedisOptions;
  readonly context: DriverContext;
  readonly request: SubscribeRequest;
  readonly sink: DeliverySink;
}

interface LoopKind extends Pick<ReadLoopParts, 'reader' | 'streamRead' | 'prepare'> {
  readonly isLeased: boolean;
}

/** A member of a group. Streams that members share and partitions that it has alone are read in two ways, each by a loop of its own. */
export class RedisConsumer implements Subscription {
  private readonly member: string;
  private readonly readers: readonly Redis[];
  private readonly loops: readonly ReadLoop[];
  private readonly heartbeat: Heartbeat;
  private readonly assignments: Assignments;
  private readonly outputs: Outputs;
  private stopping: Promise<void> | undefined;

  constructor(private readonly parts: ConsumerParts) {
    const { options, request } = parts;
    this.member = `${options.clientId}-${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
    this.outputs = new Outputs({ ...parts, groupId: request.groupId });
    const onChange = () => this.changed();
    const onFinished = (reading: Reading, id: string) => this.onFinished(reading, id);
    this.assignments = new Assignments({ ...parts, member: this.member, onChange, onFinished });
    const [shared, leased] = (this.readers = [parts.clients.reader(), parts.clients.reader()]);
    const prepare = async () => {
      if (await this.assignments.openTopics()) await this.heartbeat.beat();
    };
    this.loops = [
      this.createLoop({ reader: shared as Redis, streamRead: readShared, isLeased: false, prepare }),
      this.createLoop({ reader: leased as Redis, streamRead: readLeased, isLeased: true, prepare: async () => {} }),
    ];
    this.heartbeat = this.createHeartbeat();
  }

  start(): void {
    this.parts.command.on('ready', this.onReconnect);
    this.heartbeat.start();
    for (const loop of this.loops) loop.start();
  }

  pause(partitions: readonly Partition[]): void {
    this.setPaused(partitions, true);
  }

  resume(partitions: readonly Partition[]): void {
    this.setPaused(partitions, false);
  }

  settle(delivery: Delivery, outcome: Outcome): Promise<void> | void {
    const work = this.assignments.of(delivery.partition);
    if (!work?.reading.holds(delivery)) return;
    const id = delivery.offset;
    switch (outcome.kind) {
      case 'ack':
        if (outcome.outputs.length === 0) return work.settler.ack(id);
        return this.outputs.settle(work.settler, id, outcome.outputs);
      case 'retryLater':
        return this.outputs.park(work.settler, id, { ...outcome.record, dueAt: outcome.dueAt });
      case 'deadLetter':
        return this.outputs.settle(work.settler, id, [outcome.record]);
      case 'release':
        return work.settler.giveBack(id, delivery.deliveries);
    }
  }

  stop(deadline: Deadline): Promise<void> {
    this.stopping ??= this.leave(deadline);
    return this.stopping;
  }

  private get about() {
    const { command, keys, context, options, request } = this.parts;
    const { claimIdleMs, blockMs } = options;
    return {
      client: command,
      command,
      keys,
      context,
      claimIdleMs,
      blockMs,
      groupId: request.groupId,
      member: this.member,
    };
  }

  private changed(): void {
    for (const loop of this.loops) loop.changed();
  }

  private createLoop({ isLeased, ...own }: LoopKind): ReadLoop {
    const { quarantine, keys, sink, request } = this.parts;
    const leasesOf = ({ topic }: Reading) => keys.leases(topic, request.groupId);
    const readings = () => this.assignments.readings.filter((reading) => reading.isLeased === isLeased);
    return new ReadLoop({
      ...this.about,
      ...own,
      leasesOf,
      scan: new PendingScan({ ...this.about, quarantine, leasesOf }),
      readings,
      onEntries: (reading, entries, asked) => this.onEntries(reading, entries, asked),
      onGroupMissing: () => this.assignments.groups.restore(readings(), (error) => sink.onRestored?.(error)),
      onError: (error) => sink.onError(error, { fatal: false }),
    });
  }

  private createHeartbeat(): Heartbeat {
    const onLost = (reading: Reading, ids: readonly string[]) => this.onTaken(reading, ids);
    return new Heartbeat({ ...this.about, readings: () => this.assignments.readings, onLost });
  }

  /** Answers of either connection may have been lost: what is pending and unknown is looked for. */
  private readonly onReconnect = (): void => {
    for (const reading of this.assignments.readings) reading.suspectLoss();
    this.changed();
  };

  private onEntries(reading: Reading, entries: readonly Entry[], asked: number): void {
    if (!reading.isOwned) return this.leaveQuarantine(entries);
    const deliveries = reading.accept(entries);
    // An answer that was on its way when the drain began: the sink has released what came before it, and would handle this ahead of
    // that. It is held without being handed over, so the end of the drain gives it back.
    if (reading.closing) return;
    if (Number.isFinite(asked)) reading.filled(deliveries, asked);
    const { maxPollRecords } = this.parts.request;
    for (let at = 0; at < deliveries.length; at += maxPollRecords)
      this.parts.sink.onDeliveries(reading, deliveries.slice(at, at + maxPollRecords));
  }

  /** A suspect that came too late to be held, and so will not finish. */
  private leaveQuarantine(entries: readonly Entry[]): void {
    const { quarantine } = this.parts;
    if (entries.some(({ deliveries }) => quarantine.isSuspect(deliveries - 1))) quarantine.leave();
  }

  private onFinished(reading: Reading, id: string): void {
    if (reading.finish(id)) {
      this.parts.quarantine.leave();
      for (const one of this.assignments.readings) one.lookAgain();
    }
    if (reading.room > 0) this.changed();
  }

  /** Their outcomes will not count: who has taken a message settles it. */
  private onTaken(reading: Reading, ids: readonly string[]): void {
    const taken = ids.flatMap((id) => reading.deliveryOf(id) ?? []);
    if (taken.length === 0) return;
    const { log } = this.parts.context;
    log.warn(
      `${taken.length} messages of topic ${reading.topic} are other members' now, since this one was silent, or the group was made again.`,
    );
    reading.suspectLoss();
    for (const { offset } of taken) this.onFinished(reading, offset);
    this.parts.sink.onTaken(reading, taken);
  }

  private setPaused(partitions: readonly Partition[], paused: boolean): void {
    for (const partition of partitions) {
      const work = this.assignments.of(partition);
      if (work) work.reading.paused = paused;
    }
    this.changed();
  }

  private async leave(deadline: Deadline): Promise<void> {
    this.parts.command.off('ready', this.onReconnect);
    this.assignments.beginClose();
    await settledBefore(Promise.all(this.loops.map((loop) => loop.stop())), deadline);
    await this.assignments.endClose(deadline);
    this.heartbeat.stop();
    for (const reader of this.readers) reader.disconnect();
  }
}
