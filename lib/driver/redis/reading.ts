import type { Clock } from '../../core/clock.js';
import type { Delivery, Partition } from '../../core/delivery.js';
import type { TopicSubscription } from '../driver.js';
import { bytesOf, toDelivery, type Entry, type EntryFormat } from './redis.fields.js';
import type { RedisTopic } from './redis.topics.js';
import { Window } from './window.js';

interface Held {
  readonly delivery: Delivery;
  readonly bytes: number;
  readonly isSuspect: boolean;
}

export interface ReadingOptions {
  readonly topic: RedisTopic;
  readonly index: number;
  readonly subscription: TopicSubscription;
  readonly clock: Clock;
  readonly prefetchBytes: number;
  readonly maxMessageBytes: number;
  readonly format: EntryFormat;
}

/** Deliveries before this one from which on a message may be what ended those processes. */
const SUSPECT_AFTER = 2;

/**
 * What a member knows of one stream while it reads it. A partition that comes again is a new one, so nothing of an old one is settled
 * by mistake.
 */
export class Reading implements Partition {
  readonly topic: string;
  readonly index: number;
  readonly stream: string;
  /** Whether one member at a time has it, so that order holds in the whole group. */
  readonly isLeased: boolean;
  readonly source: RedisTopic;
  readonly subscription: TopicSubscription;
  /** Whether this member still has it. */
  isOwned = true;
  /** Whether the sink takes no more. */
  paused = false;
  /** Whether it is being given up: nothing more is read. */
  closing = false;
  /** The page of the pending list from which on others' messages are looked at. */
  claimCursor = '-';
  claimDueAt = 0;
  /** Something may be pending that is not in hand; a partition that this member has alone is not read on before that is. */
  isBehind = true;
  reconcileDueAt = 0;
  reconcileCursor = '-';
  private readonly window: Window;
  private readonly held = new Map<string, Held>();
  private bytes = 0;

  constructor(private readonly options: ReadingOptions) {
    const { topic, index, subscription, clock, prefetchBytes, maxMessageBytes } = options;
    this.topic = topic.name;
    this.index = index;
    this.stream = topic.streams[index] as string;
    this.isLeased = topic.partitions > 1;
    this.source = topic;
    this.subscription = subscription;
    this.window = new Window(clock, prefetchBytes, maxMessageBytes, subscription.maxInFlight);
  }

  /** Scripts check the lease of this partition; empty for a stream that members share. */
  get lease(): string {
    return this.isLeased ? String(this.index) : '';
  }

  get isOpen(): boolean {
    return this.isOwned && !this.paused && !this.closing;
  }

  /** How many messages may be read now. */
  get room(): number {
    return this.isOpen ? this.window.room(this.held.size, this.bytes) : 0;
  }

  get unfinished(): number {
    return this.held.size;
  }

  get ids(): string[] {
    return [...this.held.keys()];
  }

  get hasSuspect(): boolean {
    return [...this.held.values()].some(({ isSuspect }) => isSuspect);
  }

  /** Answers may have been lost: what is pending is looked through, from the beginning. */
  suspectLoss(): void {
    this.isBehind = true;
    this.reconcileDueAt = 0;
    this.reconcileCursor = '-';
  }

  /** A suspect is done, so another one may be looked for. */
  lookAgain(): void {
    this.claimDueAt = 0;
    if (this.isBehind) this.reconcileDueAt = 0;
  }

  has(id: string): boolean {
    return this.held.has(id);
  }

  /** Whether it is in hand by this very delivery: a message that was lost and has come again is another one. */
  holds(delivery: Delivery): boolean {
    return this.held.get(delivery.offset)?.delivery === delivery;
  }

  deliveryOf(id: string): Delivery | undefined {
    return this.held.get(id)?.delivery;
  }

  deliveriesOf(id: string): number {
    return this.deliveryOf(id)?.deliveries ?? 1;
  }

  /** Takes entries in; those that are here already are left out. */
  accept(entries: readonly Entry[]): Delivery[] {
    return entries.filter(({ id }) => !this.held.has(id)).map((entry) => this.hold(entry));
  }

  /** A read for so many brought these. */
  filled(deliveries: readonly Delivery[], asked: number): void {
    const bytes = deliveries.reduce((sum, { offset }) => sum + (this.held.get(offset)?.bytes ?? 0), 0);
    if (deliveries.length > 0) this.window.filled(deliveries.length, asked, bytes);
  }

  /** It is settled, or not ours any more. True when it was a suspect. */
  finish(id: string): boolean {
    const held = this.held.get(id);
    if (!held) return false;
    this.held.delete(id);
    this.bytes -= held.bytes;
    return held.isSuspect;
  }

  private hold(entry: Entry): Delivery {
    const delivery = toDelivery(this, entry, this.options.format);
    const bytes = bytesOf(entry);
    this.held.set(entry.id, { delivery, bytes, isSuspect: entry.deliveries > SUSPECT_AFTER });
    this.bytes += bytes;
    return delivery;
  }
}
