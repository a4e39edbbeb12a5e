import { randomBytes } from 'node:crypto';
import type { Delivery, Partition } from '../../core/delivery.js';
import type { DeliverySink, SubscribeRequest, TopicSubscription } from '../driver.js';
import { DeathCount } from './death-count.js';
import { nameOf, type FetchedMessages, type GroupMember, type Position, type TopicPartition } from './group-member.js';
import { Quarantine } from './quarantine.js';
import { Reading } from './reading.js';

export interface IntakeParts {
  readonly request: SubscribeRequest;
  readonly sink: DeliverySink;
  readonly member: () => GroupMember | undefined;
  /** Commits what is known of a partition, before a message of it runs that may kill this process. */
  readonly announce: (reading: Reading) => Promise<void>;
}

/** The partitions that this member has, and what comes out of them: handed over as far as the sink takes it, and not fetched much beyond. */
export class Intake {
  private readonly readings = new Map<string, Reading>();
  private readonly topics: ReadonlyMap<string, TopicSubscription>;
  private readonly quarantine: Quarantine;
  private readonly owner = randomBytes(4).toString('hex');

  constructor(private readonly parts: IntakeParts) {
    this.topics = new Map(parts.request.topics.map((one) => [one.topic, one]));
    this.quarantine = new Quarantine({
      maxPollRecords: parts.request.maxPollRecords,
      announce: parts.announce,
      deliver: (reading, deliveries) => parts.sink.onDeliveries(reading, deliveries),
    });
  }

  /** These, or all. */
  of(partitions?: readonly TopicPartition[]): Reading[] {
    if (!partitions) return [...this.readings.values()];
    return partitions.flatMap((one) => this.readings.get(nameOf(one)) ?? []);
  }

  /** Partitions of topics that were not asked for are left out: an assignor of another client may give some. */
  add(partitions: readonly TopicPartition[]): Reading[] {
    const added = partitions.flatMap(({ topic, partition }) => {
      const asked = this.topics.get(topic);
      return asked ? [new Reading(topic, partition, asked)] : [];
    });
    for (const reading of added) this.readings.set(keyOf(reading), reading);
    return added;
  }

  startAt(positions: readonly Position[]): void {
    for (const position of positions) {
      const { topic, offset, metadata = '' } = position;
      const { maxInFlight = 1 } = this.topics.get(topic) ?? {};
      for (const reading of this.of([position]))
        reading.startAt(Number(offset), new DeathCount(metadata, this.owner, maxInFlight));
    }
  }

  /** From now on nothing of these is handed over, settled or committed. */
  disown(readings: readonly Reading[]): void {
    for (const reading of readings) {
      reading.disown();
      if (this.readings.get(keyOf(reading)) === reading) this.readings.delete(keyOf(reading));
    }
    this.quarantine.left(readings);
  }

  fetched(from: TopicPartition, next: number, messages: FetchedMessages): void {
    const reading = this.readings.get(nameOf(from));
    if (!reading) return;
    reading.fetched(messages, next);
    this.handOver(reading);
  }

  pause(partitions: readonly Partition[]): void {
    for (const reading of partitions.filter(isOwned)) {
      reading.paused = true;
      this.throttle(reading);
    }
  }

  resume(partitions: readonly Partition[]): void {
    for (const reading of partitions.filter(isOwned)) {
      reading.paused = false;
      setImmediate(() => this.handOver(reading));
    }
  }

  finish(delivery: Delivery): void {
    const { partition, offset } = delivery;
    if (!isOwned(partition)) return;
    const mayGoOn = partition.finish(offset) || partition.isSuspicious;
    this.quarantine.ended(delivery);
    if (mayGoOn) setImmediate(() => this.handOver(partition));
  }

  released(delivery: Delivery): void {
    if (isOwned(delivery.partition)) delivery.partition.held.release(Number(delivery.offset));
    this.quarantine.ended(delivery);
  }

  /** A fetch brings more than a handler may hold: the rest waits here until there is room. */
  private handOver(reading: Reading): void {
    const { sink, request } = this.parts;
    if (reading.isSuspicious) {
      this.quarantine.enter(reading);
      return this.throttle(reading);
    }
    for (
      let slice = reading.take(request.maxPollRecords);
      slice.length > 0;
      slice = reading.take(request.maxPollRecords)
    )
      sink.onDeliveries(reading, slice);
    this.throttle(reading);
  }

  private throttle(reading: Reading): void {
    const wanted = reading.isAhead;
    if (!reading.isOwned || reading.clientPaused === wanted) return;
    reading.clientPaused = wanted;
    const { topic, index: partition } = reading;
    if (wanted) this.parts.member()?.pause({ topic, partition });
    else this.parts.member()?.resume({ topic, partition });
  }
}

/** Whether this partition is still ours to settle. */
export function isOwned(partition: Partition): partition is Reading {
  return partition instanceof Reading && partition.isOwned;
}

function keyOf({ topic, index }: Partition): string {
  return nameOf({ topic, partition: index });
}
