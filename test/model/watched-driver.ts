import type { Deadline } from '../../lib/core/clock.js';
import type { Delivery, Partition } from '../../lib/core/delivery.js';
import { ClosedError } from '../../lib/core/errors.js';
import type { Outcome } from '../../lib/core/outcome.js';
import type { DeliverySink, Driver, SubscribeRequest, Subscription } from '../../lib/driver/driver.js';
import type { MemoryDriver } from '../../lib/driver/memory/memory.driver.js';
import type { MemoryMember } from '../../lib/memory-broker/memory-group.js';

export interface Watch {
  /** How often anything was written or committed. */
  readonly effects: () => number;
  /** Most unfinished messages of a partition that may be held, with those that one call may bring beyond it. */
  readonly maxHeld: number;
  readonly onBroken: (text: string) => void;
}

/** The embedded driver, which remembers what was handed over and neither settled nor given back. */
export class WatchedDriver {
  consumer!: Subscription & MemoryMember;
  private readonly open = new Map<Partition, Set<Delivery>>();
  /** Partitions that were given up or lost. */
  private readonly gone = new Set<Partition>();

  constructor(
    private readonly driver: MemoryDriver,
    private readonly watch: Watch,
  ) {}

  get asDriver(): Driver {
    const { driver } = this;
    return {
      features: driver.features,
      admin: driver.admin,
      connect: () => driver.connect(),
      send: (records, deadline) => driver.send(records, deadline),
      subscribe: (request, sink) => this.subscribe(request, sink),
      close: (deadline) => driver.close(deadline),
    };
  }

  private subscribe(request: SubscribeRequest, sink: DeliverySink): Subscription {
    const consumer = this.driver.subscribe(request, this.watched(sink));
    this.consumer = consumer as Subscription & MemoryMember;
    return {
      pause: (partitions) => consumer.pause(partitions),
      resume: (partitions) => consumer.resume(partitions),
      settle: (delivery, outcome) => this.settle(delivery, outcome),
      stop: (deadline) => consumer.stop(deadline),
    };
  }

  private settle(delivery: Delivery, outcome: Outcome): Promise<void> | void {
    const before = this.watch.effects();
    const settling = this.consumer.settle(delivery, outcome);
    if (this.gone.has(delivery.partition) && this.watch.effects() > before)
      this.watch.onBroken(`${outcome.kind} of offset ${delivery.offset} was carried out after its partition was lost`);
    const forget = () => void this.open.get(delivery.partition)?.delete(delivery);
    if (!settling) return forget();
    return settling.then(forget, (error: unknown) => {
      if (error instanceof ClosedError) forget(); // it was held, and is given back
      throw error;
    });
  }

  private watched(sink: DeliverySink): DeliverySink {
    return {
      onAssigned: (partitions) => sink.onAssigned(partitions),
      onDeliveries: (partition, deliveries) => {
        const held = new Set([...(this.open.get(partition) ?? []), ...deliveries]);
        this.open.set(partition, held);
        if (held.size > this.watch.maxHeld) this.watch.onBroken(`${held.size} messages of a partition are held`);
        sink.onDeliveries(partition, deliveries);
      },
      onRevoking: async (partitions, deadline) => {
        await sink.onRevoking(partitions, deadline);
        this.check(partitions, deadline);
      },
      onLost: (partitions) => {
        for (const partition of partitions) this.leave(partition);
        sink.onLost(partitions);
      },
      onTaken: (partition, deliveries) => sink.onTaken(partition, deliveries),
      onError: (error, info) => sink.onError(error, info),
    };
  }

  private check(partitions: readonly Partition[], deadline: Deadline): void {
    const left = partitions.flatMap((partition) => [...(this.open.get(partition) ?? [])]);
    if (left.length > 0 && !deadline.signal.aborted)
      this.watch.onBroken(`neither settled nor given back: offsets ${left.map(({ offset }) => offset).join(', ')}`);
    for (const partition of partitions) this.leave(partition);
  }

  private leave(partition: Partition): void {
    this.open.delete(partition);
    this.gone.add(partition);
  }
}
