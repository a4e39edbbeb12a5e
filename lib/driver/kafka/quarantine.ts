import type { Delivery, Partition } from '../../core/delivery.js';
import type { Reading } from './reading.js';

export interface QuarantineParts {
  /** Writes down what is about to start; resolves when the broker has it, or never will. */
  readonly announce: (reading: Reading) => Promise<void>;
  readonly deliver: (reading: Reading, delivery: Delivery) => void;
}

/**
 * Messages of partitions whose last owner died: one at a time in the whole process, each written down at the broker before it starts, so that
 * the next death names its message.
 */
export class Quarantine {
  private readonly waiting = new Set<Reading>();
  private running: { readonly reading: Partition; readonly offset: string } | undefined;

  constructor(private readonly parts: QuarantineParts) {}

  /** This one may have something to run. */
  enter(reading: Reading): void {
    this.waiting.add(reading);
    this.next();
  }

  /** Its handler is through with it. */
  ended(delivery: Delivery): void {
    if (!this.isRunning(delivery)) return;
    this.running = undefined;
    this.next();
  }

  /**
   * Its outcome waits to be written. The next one is of the same partition where there is one: then a single transaction keeps this outcome and
   * names what starts after it.
   */
  decided(reading: Reading, delivery: Delivery): void {
    if (!this.isRunning(delivery)) return;
    this.running = undefined;
    this.start(reading);
    this.next();
  }

  /** These are given up: what runs there is waited for no more. */
  left(readings: readonly Reading[]): void {
    for (const reading of readings) this.waiting.delete(reading);
    if (!readings.some((reading) => reading === this.running?.reading)) return;
    this.running = undefined;
    this.next();
  }

  private next(): void {
    while (!this.running) {
      const [reading] = this.waiting;
      if (!reading) return;
      this.waiting.delete(reading);
      this.start(reading);
    }
  }

  private start(reading: Reading): void {
    const delivery = reading.takeSuspect();
    if (delivery) void this.run(reading, delivery);
  }

  private isRunning({ partition, offset }: Delivery): boolean {
    return this.running?.reading === partition && this.running.offset === offset;
  }

  private async run(reading: Reading, delivery: Delivery): Promise<void> {
    this.running = { reading, offset: delivery.offset };
    await this.parts.announce(reading);
    if (reading.isOwned && !reading.isRevoking) this.parts.deliver(reading, delivery);
  }
}
