import type { Partition } from '../core/delivery.js';
import type { BufferBudget } from './buffer-budget.js';
import type { PartitionWork } from './partition-work.js';

export interface IntakeOptions {
  /** Unfinished messages and bytes of a partition at which it pauses; it resumes at half. */
  readonly maxInFlight: number;
  readonly maxInFlightBytes: number;
}

export interface IntakeParts {
  readonly budget: BufferBudget;
  readonly work: { pause(partition: Partition): void; resume(partition: Partition): void };
}

/** Which partitions may bring messages: not those at a bound, and none while the handler is paused. */
export class Intake {
  isPaused = false;

  constructor(
    private readonly options: IntakeOptions,
    private readonly parts: IntakeParts,
  ) {}

  pauseIfFull(own: PartitionWork): void {
    const { maxInFlight, maxInFlightBytes } = this.options;
    const { budget, work } = this.parts;
    if (own.paused || (own.unfinished < maxInFlight && own.bytes < maxInFlightBytes && !budget.isFull)) return;
    own.paused = true;
    if (budget.isFull) budget.onRoom(() => this.resumeIfRoom(own));
    work.pause(own.partition);
  }

  resumeIfRoom(own: PartitionWork): void {
    const { maxInFlight, maxInFlightBytes } = this.options;
    if (!own.paused || !own.isOpen || this.isPaused) return;
    if (own.unfinished > maxInFlight / 2 || own.bytes > maxInFlightBytes / 2 || this.parts.budget.isFull) return;
    own.paused = false;
    this.parts.work.resume(own.partition);
  }

  pauseAll(all: Iterable<PartitionWork>): void {
    this.isPaused = true;
    for (const own of all) this.hold(own);
  }

  resumeAll(all: Iterable<PartitionWork>): void {
    this.isPaused = false;
    for (const own of all) this.resumeIfRoom(own);
  }

  /** A partition that comes while the handler is paused brings nothing either. */
  hold(own: PartitionWork): void {
    own.paused = true;
    this.parts.work.pause(own.partition);
  }
}
