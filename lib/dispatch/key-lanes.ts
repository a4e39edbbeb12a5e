import { Fifo } from '../core/fifo.js';
import type { Lanes } from './lanes.js';
import type { Task } from './task.js';

/** Messages one by one. Lanes take turns, so that a busy key does not starve the others. */
export class KeyLanes implements Lanes {
  /** Who waits behind the message in work, by lane; null for nobody. A lane is in the map while it has a message ready or in work. */
  private readonly behind = new Map<string, Fifo<Task> | null>();
  private readonly ready = new Fifo<Task>();

  push(task: Task): void {
    const { lane } = task;
    if (lane !== undefined && this.behind.has(lane)) return this.queueBehind(lane, task);
    if (lane !== undefined) this.behind.set(lane, null);
    this.ready.push(task);
  }

  take(): Task | undefined {
    return this.ready.shift();
  }

  requeue(task: Task): void {
    this.ready.push(task);
  }

  putBack(tasks: readonly Task[]): void {
    for (const task of tasks) this.ready.push(task);
  }

  free({ lane }: Task): void {
    if (lane === undefined) return;
    const next = this.behind.get(lane)?.shift();
    if (next) this.ready.push(next);
    else this.behind.delete(lane);
  }

  hasReady(): boolean {
    return this.ready.length > 0;
  }

  readyAt(): undefined {
    return undefined;
  }

  clear(): void {
    this.ready.clear();
    this.behind.clear();
  }

  private queueBehind(lane: string, task: Task): void {
    const known = this.behind.get(lane);
    const queue = known ?? new Fifo<Task>();
    if (!known) this.behind.set(lane, queue);
    queue.push(task);
  }
}
