import type { Lanes } from './lanes.js';
import type { Task } from './task.js';

export interface BatchOptions {
  readonly batchSize: number;
  /** How long the first message of a batch waits for others, in ms. */
  readonly batchTimeoutMs: number;
}

interface Lane {
  /** A unit with messages of this lane is in work, or one of them waits for its next attempt. */
  busy: boolean;
  /** Messages in the queue. */
  queued: number;
}

/**
 * Messages in batches, in the order they came. A batch may have several messages of a lane, but no two batches in work share one. What
 * failed in a batch, and what stands behind it in its lane, runs singly.
 */
export class BatchLanes implements Lanes {
  private queue: Task[] = [];
  private readonly singles = new Set<Task>();
  private readonly lanes = new Map<string, Lane>();
  /** Queued messages whose lane is free. */
  private available = 0;
  /** When the first queued message whose lane is free was queued, in ms since the epoch; undefined when it has to be looked for. */
  private since: number | undefined;

  constructor(
    private readonly options: BatchOptions,
    private readonly now: () => number,
  ) {}

  push(task: Task): void {
    task.queuedAt = this.now();
    this.queue.push(task);
    if (task.single) this.singles.add(task);
    this.count(task, 1);
  }

  take(): readonly Task[] | undefined {
    if (!this.hasReady()) return undefined;
    const unit: Task[] = [];
    const passedOver = new Set<string>();
    this.queue = this.queue.filter((task) => !this.joins(unit, task, passedOver));
    for (const task of unit) this.count(task, -1);
    for (const task of unit) this.setBusy(task, true);
    this.since = undefined;
    return unit;
  }

  requeue(task: Task): void {
    this.putBack([task]);
    this.setBusy(task, false);
  }

  putBack(tasks: readonly Task[]): void {
    for (const task of tasks) {
      task.single = true;
      this.singles.add(task);
      const at = this.queue.findIndex((queued) => queued.seq > task.seq);
      this.queue.splice(at < 0 ? this.queue.length : at, 0, task);
      this.count(task, 1);
    }
  }

  free(task: Task): void {
    this.setBusy(task, false);
  }

  hasReady(): boolean {
    if (this.available === 0) return false;
    const { batchSize, batchTimeoutMs } = this.options;
    return this.available >= batchSize || this.hasSingle() || this.now() >= this.firstQueuedAt() + batchTimeoutMs;
  }

  readyAt(): number | undefined {
    return this.available === 0 || this.hasReady() ? undefined : this.firstQueuedAt() + this.options.batchTimeoutMs;
  }

  clear(): void {
    this.queue = [];
    this.singles.clear();
    this.lanes.clear();
    this.available = 0;
  }

  /** Whether the message goes into the unit, which then has it. A lane that was passed over once is passed over to the end. */
  private joins(unit: Task[], task: Task, passedOver: Set<string>): boolean {
    const { lane } = task;
    if (!this.isFree(task) || (lane !== undefined && passedOver.has(lane))) return false;
    const hasRoom = task.single ? unit.length === 0 : unit.length < this.options.batchSize && unit[0]?.single !== true;
    if (hasRoom) unit.push(task);
    else if (lane !== undefined) passedOver.add(lane);
    return hasRoom;
  }

  private hasSingle(): boolean {
    return [...this.singles].some((task) => this.isFree(task));
  }

  /** A message has come into the queue, or left it. */
  private count(task: Task, change: 1 | -1): void {
    if (change < 0) this.singles.delete(task);
    const lane = task.lane === undefined ? undefined : this.laneOf(task.lane);
    if (lane) lane.queued += change;
    if (lane?.busy !== true) this.setAvailable(this.available + change);
  }

  private setBusy({ lane: name }: Task, busy: boolean): void {
    const lane = name === undefined ? undefined : this.lanes.get(name);
    if (!lane || name === undefined || lane.busy === busy) return;
    lane.busy = busy;
    this.setAvailable(this.available + (busy ? -lane.queued : lane.queued));
    if (!busy && lane.queued === 0) this.lanes.delete(name);
  }

  private setAvailable(count: number): void {
    if (this.available === 0) this.since = undefined;
    this.available = count;
  }

  private firstQueuedAt(): number {
    this.since ??= this.queue.find((task) => this.isFree(task))?.queuedAt ?? this.now();
    return this.since;
  }

  private isFree({ lane }: Task): boolean {
    return lane === undefined || this.lanes.get(lane)?.busy !== true;
  }

  private laneOf(name: string): Lane {
    const known = this.lanes.get(name);
    if (known) return known;
    const lane = { busy: false, queued: 0 };
    this.lanes.set(name, lane);
    return lane;
  }
}
