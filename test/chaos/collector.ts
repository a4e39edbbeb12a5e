import { ACK } from '../../lib/core/outcome.js';
import type { Delivery, Partition } from '../../lib/core/delivery.js';
import type { DeliverySink, Driver, Subscription } from '../../lib/driver/driver.js';

export interface Passed {
  readonly key: string;
  readonly n: number;
}

/** An output tells which record it was made of: what the sender repeated is another one. */
interface Output extends Passed {
  readonly input: string;
}

/** Reads the output topic from its beginning, and judges it. */
export class Collector implements DeliverySink {
  private readonly byPosition = new Map<
    string,
    { readonly partition: number; readonly offset: string; readonly passed: Output }
  >();
  private readonly ids = new Set<string>();
  private subscription!: Subscription;

  static start(driver: Driver, topic: string, groupId: string): Collector {
    const collector = new Collector();
    const topics = [{ topic, autoOffsetReset: 'earliest' as const, maxUncommitted: 1_000_000, maxInFlight: 1_000 }];
    collector.subscription = driver.subscribe(
      { groupId, topics, maxPollRecords: 500, drainTimeoutMs: 1_000 },
      collector,
    );
    return collector;
  }

  /** How many different messages have come out. */
  get count(): number {
    return this.ids.size;
  }

  get outputs(): number {
    return this.byPosition.size;
  }

  /** How many input records have an output. */
  get inputs(): number {
    return new Set([...this.byPosition.values()].map(({ passed }) => passed.input)).size;
  }

  /** Where the outputs are, as `partition/offset`. */
  get positions(): Iterable<string> {
    return this.byPosition.keys();
  }

  has({ key, n }: Passed): boolean {
    return this.ids.has(`${key}/${n}`);
  }

  /** How many messages came out for the first time after a later one of their key had. */
  get outOfOrder(): number {
    const last = new Map<string, number>();
    const seen = new Set<string>();
    let count = 0;
    for (const { passed } of this.inOrder()) {
      const id = `${passed.key}/${passed.n}`;
      if (seen.has(id)) continue;
      seen.add(id);
      if (passed.n < (last.get(passed.key) ?? -1)) count++;
      last.set(passed.key, Math.max(passed.n, last.get(passed.key) ?? -1));
    }
    return count;
  }

  onAssigned(): void {}

  onDeliveries(_partition: Partition, deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const passed = JSON.parse(String(delivery.value)) as Output;
      const { index } = delivery.partition;
      this.byPosition.set(`${index}/${delivery.offset}`, { partition: index, offset: delivery.offset, passed });
      this.ids.add(`${passed.key}/${passed.n}`);
      void this.subscription.settle(delivery, ACK);
    }
  }

  async onRevoking(): Promise<void> {}

  onLost(): void {}

  onTaken(): void {}

  onError(): void {}

  private inOrder() {
    const numbered = (offset: string) => offset.split('-').map(Number) as [number, number?];
    return [...this.byPosition.values()].sort((a, b) => {
      const [[high, low = 0], [otherHigh, otherLow = 0]] = [numbered(a.offset), numbered(b.offset)];
      return a.partition - b.partition || high - otherHigh || low - otherLow;
    });
  }
}
