import type { Delivery, Partition } from '../../core/delivery.js';
import type { Reading } from './reading.js';

export interface QuarantineParts {
  /** Writes down what is about to start; resolves when the broker has it, or never will. */
  readonly announce: (reading: Reading) => Promise<void>;
  readonly deliver: (reading: Reading, delivery: Delivery) => void;
}

/**
 * Messages of partitions whose last owner died, each written down at the broker before it starts, so that the next death names its message:
 * one at a time in each partition; and one that was named at a death is accused, and runs alone in the whole process, so that no innocent
 * one is accused with it again.
 */
export class Quarantine {
  private readonly waiting = new Set<Reading>();
  private readonly running = new Map<Partition, { readonly offset: string; readonly isAccused: boolean }>();

  constructor(private readonly parts: QuarantineParts) {}

  /** This one may have something to run. */
  enter(reading: Reading): void {
    this.waiting.add(reading);
    this.next();
  }

  /** Its handler is through with it. */
  ended({ partition, offset }: Delivery): void {
    if (this.running.get(partition)?.offset !== offset) return;
    this.running.delete(partition);
    this.next();
  }

  /** These are given up: what runs there is waited for no more. */
  left(readings: readonly Reading[]): void {
    for (const reading of readings) {
      this.waiting.delete(reading);
      this.running.delete(reading);
    }
    this.next();
  }

  private next(): void {
    if ([...this.running.values()].some(({ isAccused }) => isAccused)) return;
    const accused = [...this.waiting].find(({ isAccused }) => isAccused);
    if (accused && this.running.size > 0) return;
    if (accused && this.begin(accused)) return;
    for (const reading of this.waiting) if (!this.running.has(reading)) this.begin(reading);
  }

  /** False when there is nothing to run. */
  private begin(reading: Reading): boolean {
    this.waiting.delete(reading);
    const { isAccused } = reading;
    const delivery = reading.takeSuspect();
    if (!delivery) return false;
    this.running.set(reading, { offset: delivery.offset, isAccused });
    void this.run(reading, delivery);
    return true;
  }

  private async run(reading: Reading, delivery: Delivery): Promise<void> {
    await this.parts.announce(reading);
    if (reading.isOwned && !reading.isRevoking) this.parts.deliver(reading, delivery);
  }
}
