import type { Clock } from '../core/clock.js';
import { HEADER } from '../core/header-names.js';
import type { Delivery, Partition } from '../core/delivery.js';
import { NO_HEADERS, type HeaderList } from '../core/headers.js';
import { LinkedList } from '../core/linked-list.js';
import { sizeOf } from '../core/message.js';
import type { Lanes, Ordering } from './lanes.js';
import { Task } from './task.js';

export interface PartitionOptions {
  readonly ordering: Ordering;
  /** Its messages have been tried before and say so in their headers. */
  readonly isRetryTopic: boolean;
}

/** The unfinished messages of one partition: how many, how large, and whether any handler has one. */
export class PartitionWork {
  private readonly tasks = new LinkedList<Task>();
  private active = 0;
  private nextSeq = 0;
  private readonly waiting: (() => void)[] = [];
  bytes = 0;
  /** Whether messages may still be started. */
  isOpen = true;
  /** Whether it stands in the queue of partitions with something to run. */
  isInTurn = false;
  /** Whether the intake is paused at a bound. */
  paused = false;
  /** Nothing is started before that, in ms since the epoch. */
  heldUntil = 0;
  /** Ends the wait for a batch to fill, or for a hold to end. */
  cancelTimer: (() => void) | undefined;

  constructor(
    readonly partition: Partition,
    readonly lanes: Lanes,
    private readonly options: PartitionOptions,
  ) {}

  get unfinished(): number {
    return this.tasks.length;
  }

  get unsettled(): readonly Task[] {
    return [...this.tasks];
  }

  isHeld(clock: Clock): boolean {
    return this.heldUntil > 0 && this.heldUntil > clock.now();
  }

  accept(delivery: Delivery): Task {
    const headers = this.options.isRetryTopic ? delivery.headers : NO_HEADERS;
    const task = new Task({
      delivery,
      seq: this.nextSeq++,
      lane: this.laneOf(delivery),
      bytes: sizeOf(delivery),
      attempt: numberIn(headers, HEADER.attempt) ?? 1,
      firstFailureAt: numberIn(headers, HEADER.firstFailureAt),
    });
    this.tasks.add(task);
    this.bytes += task.bytes;
    return task;
  }

  remove(task: Task): void {
    if (this.tasks.delete(task)) this.bytes -= task.bytes;
  }

  /** A handler, or the settling of an outcome, has begun. */
  begin(): void {
    this.active++;
  }

  end(): void {
    this.active--;
    if (this.active > 0) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Starts nothing more; returns what no handler has, in the order it came. */
  close(): Task[] {
    this.isOpen = false;
    for (const task of this.tasks) task.behind = undefined; // one that runs on would keep all behind it in memory
    const idle = [...this.tasks].filter(({ state }) => state !== 'running' && state !== 'settling');
    for (const task of idle) {
      task.cancelWait?.();
      this.remove(task);
    }
    this.cancelTimer?.();
    this.lanes.clear();
    return idle;
  }

  /** Returns those of them that were unfinished. */
  loseMessages(deliveries: readonly Delivery[]): Task[] {
    const taken = new Set(deliveries);
    const lost = this.unsettled.filter(({ delivery }) => taken.has(delivery));
    for (const task of lost) task.lose();
    return lost;
  }

  /** Tells the handlers to end; what they decide does not count any more. */
  abandon(): void {
    for (const task of this.unsettled) task.lose();
  }

  /** Resolves when no handler runs and nothing is being settled. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.active === 0) resolve();
      else this.waiting.push(resolve);
    });
  }

  private laneOf(delivery: Delivery): string | undefined {
    const { ordering } = this.options;
    if (ordering === 'partition') return '';
    if (ordering === 'none' || delivery.key === null) return undefined;
    return delivery.key.toString('latin1');
  }
}

function numberIn(headers: HeaderList, name: string): number | undefined {
  if (headers.length === 0) return undefined;
  const value = Number(headers.find(([own]) => own === name)?.[1].toString('utf8'));
  return Number.isFinite(value) ? value : undefined;
}
