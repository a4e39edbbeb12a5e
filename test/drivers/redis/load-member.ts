import { settledBefore, type Deadline } from '../../../lib/core/clock.js';
import type { Delivery, Partition } from '../../../lib/core/delivery.js';
import { NO_HEADERS } from '../../../lib/core/headers.js';
import { sizeOf } from '../../../lib/core/message.js';
import { RELEASE } from '../../../lib/core/outcome.js';
import type { DeliverySink, Driver, Subscription } from '../../../lib/driver/driver.js';

export interface LoadOptions {
  readonly topic: string;
  readonly output: string;
  readonly groupId: string;
  readonly concurrency: number;
  /** Longest that a handler takes, in ms; each takes a random time up to it. */
  readonly handlerMs: number;
  /** Deliveries after which a message goes to the dead letters, unhandled. */
  readonly maxDeliveries?: number;
  readonly onRun?: (delivery: Delivery) => void;
  /** What the output says, and where it goes if not to `output`. */
  readonly outputOf?: (delivery: Delivery) => { readonly value: Buffer | null; readonly topic?: string };
}

/** Handles many messages at once, in the order of each key, each with one output of the same key and value. */
export class LoadMember implements DeliverySink {
  runs = 0;
  /** Messages that other members took over. */
  taken = 0;
  /** Outcomes that found their messages settled by others. */
  late = 0;
  failures: Error[] = [];
  readonly assigned = new Set<Partition>();
  /** Of what was handed over and is not settled. */
  heldBytes = 0;
  private subscription!: Subscription;
  private queue: Delivery[] = [];
  private readonly busy = new Set<string>();
  private running = 0;
  private readonly idle = new Map<Partition, { active: number; resolve?: () => void }>();

  constructor(private readonly options: LoadOptions) {}

  static join(driver: Driver, options: LoadOptions): LoadMember {
    const member = new LoadMember(options);
    const topics = [
      { topic: options.topic, autoOffsetReset: 'earliest' as const, maxUncommitted: 100_000, maxInFlight: 1_000 },
    ];
    const request = { groupId: options.groupId, topics, maxPollRecords: 500, drainTimeoutMs: 10_000 };
    member.subscription = driver.subscribe(request, member);
    return member;
  }

  stop(deadline: Deadline): Promise<void> {
    return this.subscription.stop(deadline);
  }

  onAssigned(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.assigned.add(partition);
  }

  onDeliveries(_partition: Partition, deliveries: readonly Delivery[]): void {
    this.queue.push(...deliveries);
    for (const delivery of deliveries) this.heldBytes += sizeOf(delivery);
    this.pump();
  }

  async onRevoking(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    const released = this.queue.filter(({ partition }) => partitions.includes(partition));
    this.drop(partitions);
    for (const delivery of released) void this.subscription.settle(delivery, RELEASE);
    const idle = partitions.map((partition) => this.whenIdle(partition));
    await settledBefore(Promise.all(idle), deadline);
  }

  onLost(partitions: readonly Partition[]): void {
    this.drop(partitions);
  }

  onTaken(_partition: Partition, deliveries: readonly Delivery[]): void {
    this.taken += deliveries.length;
    this.queue = this.queue.filter((delivery) => !deliveries.includes(delivery));
  }

  onLate(_partition: Partition, count: number): void {
    this.late += count;
  }

  onError(error: Error): void {
    this.failures.push(error);
  }

  private drop(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.assigned.delete(partition);
    this.queue = this.queue.filter(({ partition }) => !partitions.includes(partition));
  }

  private pump(): void {
    const waiting: Delivery[] = [];
    for (const delivery of this.queue) {
      const lane = String(delivery.key);
      if (this.running >= this.options.concurrency || this.busy.has(lane)) waiting.push(delivery);
      else void this.run(delivery, lane);
    }
    this.queue = waiting;
  }

  private async run(delivery: Delivery, lane: string): Promise<void> {
    const own = this.idle.get(delivery.partition) ?? { active: 0 };
    this.idle.set(delivery.partition, own);
    own.active++;
    this.running++;
    this.busy.add(lane);
    this.runs++;
    const isGivenUp = delivery.deliveries > (this.options.maxDeliveries ?? Infinity);
    if (!isGivenUp) this.options.onRun?.(delivery);
    if (this.options.handlerMs > 0)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * this.options.handlerMs));
    const dead = `${this.options.topic}-dlq`;
    const { key } = delivery;
    const { value, topic = this.options.output } = this.options.outputOf?.(delivery) ?? { value: delivery.value };
    const output = { topic: isGivenUp ? dead : topic, key, value, headers: NO_HEADERS };
    try {
      await this.subscription.settle(delivery, { kind: 'ack', outputs: [output] });
    } catch (error) {
      this.failures.push(error as Error);
      const record = { ...output, topic: dead };
      await this.subscription.settle(delivery, { kind: 'deadLetter', record });
    }
    this.running--;
    this.heldBytes -= sizeOf(delivery);
    this.busy.delete(lane);
    own.active--;
    if (own.active === 0) own.resolve?.();
    this.pump();
  }

  private whenIdle(partition: Partition): Promise<void> {
    const own = this.idle.get(partition);
    if (!own || own.active === 0) return Promise.resolve();
    return new Promise((resolve) => (own.resolve = resolve));
  }
}
