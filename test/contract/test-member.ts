import { settledBefore, type Deadline } from '../../lib/core/clock.js';
import type { Delivery, Partition } from '../../lib/core/delivery.js';
import type { MessagingError } from '../../lib/core/errors.js';
import { ACK, RELEASE, type Outcome } from '../../lib/core/outcome.js';
import type { DeliverySink, Driver, OffsetReset, Subscription } from '../../lib/driver/driver.js';

export interface MemberOptions {
  readonly topics: readonly string[];
  readonly groupId: string;
  readonly from?: OffsetReset;
  readonly maxPollRecords?: number;
  readonly maxUncommitted?: number;
  readonly transactionIntervalMs?: number;
  readonly maxInFlight?: number;
  /** What becomes of a delivery; acked without it. */
  readonly handle?: (delivery: Delivery) => Outcome | Promise<Outcome>;
}

/** A group member that handles the deliveries of a partition one after the other, and remembers what it saw. */
export class TestMember implements DeliverySink {
  readonly seen: Delivery[] = [];
  readonly settled: Delivery[] = [];
  /** What other members took over. */
  readonly taken: Delivery[] = [];
  readonly errors: MessagingError[] = [];
  /** The driver gave the subscription up. */
  isOver = false;
  assigned: readonly Partition[] = [];
  subscription!: Subscription;
  private readonly lanes = new Map<Partition, Promise<void>>();
  private closed = new Set<Partition>();

  constructor(private readonly options: MemberOptions) {}

  static join(driver: Driver, options: MemberOptions): TestMember {
    const member = new TestMember(options);
    const topics = options.topics.map((topic) => ({
      topic,
      autoOffsetReset: options.from ?? 'earliest',
      maxUncommitted: options.maxUncommitted ?? 100_000,
      transactionIntervalMs: options.transactionIntervalMs,
      maxInFlight: options.maxInFlight ?? 1_000,
    }));
    const { groupId, maxPollRecords = 500 } = options;
    member.subscription = driver.subscribe({ groupId, topics, maxPollRecords, drainTimeoutMs: 30_000 }, member);
    return member;
  }

  get values(): string[] {
    return this.seen.map(({ value }) => String(value));
  }

  onAssigned(partitions: readonly Partition[]): void {
    this.assigned = [...this.assigned, ...partitions];
  }

  onDeliveries(partition: Partition, deliveries: readonly Delivery[]): void {
    const before = this.lanes.get(partition) ?? Promise.resolve();
    this.lanes.set(
      partition,
      deliveries.reduce((lane, delivery) => lane.then(() => this.process(delivery)), before),
    );
  }

  async onRevoking(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    this.drop(partitions);
    await settledBefore(Promise.all(partitions.flatMap((partition) => this.lanes.get(partition) ?? [])), deadline);
  }

  onLost(partitions: readonly Partition[]): void {
    this.drop(partitions);
  }

  onTaken(_partition: Partition, deliveries: readonly Delivery[]): void {
    this.taken.push(...deliveries);
  }

  onError(error: MessagingError, { fatal }: { readonly fatal: boolean }): void {
    this.errors.push(error);
    this.isOver ||= fatal;
  }

  private drop(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.closed.add(partition);
    this.assigned = this.assigned.filter((own) => !partitions.includes(own));
  }

  private async process(delivery: Delivery): Promise<void> {
    if (this.closed.has(delivery.partition)) return this.subscription.settle(delivery, RELEASE) as undefined;
    this.seen.push(delivery);
    const outcome = await (this.options.handle ?? (() => ACK))(delivery);
    await this.subscription.settle(delivery, outcome);
    if (outcome.kind !== 'release') this.settled.push(delivery);
  }
}
