import type { Deadline } from '../../lib/core/clock.js';
import type { Delivery, Partition } from '../../lib/core/delivery.js';
import { ClosedError } from '../../lib/core/errors.js';
import type { Outcome } from '../../lib/core/outcome.js';
import type { DeliverySink, Driver, SubscribeRequest, Subscription } from '../../lib/driver/driver.js';
import type { MemoryDriver } from '../../lib/driver/memory/memory.driver.js';
import type { MemoryMember } from '../../lib/memory-broker/memory-group.js';

/** The embedded driver, which remembers what was handed over and neither settled nor given back. */
export class WatchedDriver {
  consumer!: Subscription & MemoryMember;
  private readonly open = new Map<Partition, Set<Delivery>>();

  constructor(
    private readonly driver: MemoryDriver,
    /** Told of what is left when a partition is given up in order. */
    private readonly onLeft: (deliveries: readonly Delivery[]) => void,
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
    const settling = this.consumer.settle(delivery, outcome);
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
        this.open.set(partition, new Set([...(this.open.get(partition) ?? []), ...deliveries]));
        sink.onDeliveries(partition, deliveries);
      },
      onRevoking: async (partitions, deadline) => {
        await sink.onRevoking(partitions, deadline);
        this.check(partitions, deadline);
      },
      onLost: (partitions) => {
        for (const partition of partitions) this.open.delete(partition);
        sink.onLost(partitions);
      },
      onTaken: (partition, deliveries) => sink.onTaken(partition, deliveries),
      onError: (error, info) => sink.onError(error, info),
    };
  }

  private check(partitions: readonly Partition[], deadline: Deadline): void {
    const left = partitions.flatMap((partition) => [...(this.open.get(partition) ?? [])]);
    if (left.length > 0 && !deadline.signal.aborted) this.onLeft(left);
  }
}
