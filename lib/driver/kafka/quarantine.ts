import type { Delivery } from '../../core/delivery.js';
import type { Reading } from './reading.js';

export interface QuarantineParts {
  readonly maxPollRecords: number;
  /** Writes down what is about to start; resolves when the broker has it, or never will. */
  readonly announce: (reading: Reading) => Promise<void>;
  readonly deliver: (reading: Reading, deliveries: readonly Delivery[]) => void;
}

/**
 * Messages of partitions whose last owner died: a few of one partition at a time in the whole process, written down at the broker before they
 * start, so that the next death is among them; those run one at a time, so that the one after names its message.
 */
export class Quarantine {
  private readonly waiting = new Set<Reading>();
  private running: { readonly reading: Reading; readonly offsets: Set<string> } | undefined;

  constructor(private readonly parts: QuarantineParts) {}

  /** This one may have something to run. */
  enter(reading: Reading): void {
    this.waiting.add(reading);
    this.next();
  }

  /** Its handler is through with it. */
  ended({ partition, offset }: Delivery): void {
    const { running } = this;
    if (running?.reading !== partition || !running.offsets.delete(offset) || running.offsets.size > 0) return;
    this.running = undefined;
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
      const deliveries = reading.takeSuspects(this.parts.maxPollRecords);
      if (deliveries.length > 0) void this.run(reading, deliveries);
    }
  }

  private async run(reading: Reading, deliveries: readonly Delivery[]): Promise<void> {
    this.running = { reading, offsets: new Set(deliveries.map(({ offset }) => offset)) };
    await this.parts.announce(reading);
    if (reading.isOwned && !reading.isRevoking) this.parts.deliver(reading, deliveries);
  }
}
