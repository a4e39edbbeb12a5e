import { Fifo } from '../core/fifo.js';
import type { Lanes } from './lanes.js';
import type { Task } from './task.js';

/** Messages one by one. Lanes take turns, so that a busy key does not starve the others. */
export class KeyLanes implements Lanes {
  /** The last message of each lane that has one ready or in work; each points to the one behind it. */
  private readonly last = new Map<string, Task>();
  private readonly ready = new Fifo<Task>();

  push(task: Task): void {
    const { lane } = task;
    const before = lane === undefined ? undefined : this.last.get(lane);
    if (lane !== undefined) this.last.set(lane, task);
    if (before) before.behind = task;
    else this.ready.push(task);
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

  free(task: Task): void {
    const { lane, behind } = task;
    task.behind = undefined; // a collector that has not come by yet would keep all that follow
    if (lane === undefined || !this.last.has(lane)) return;
    if (behind) this.ready.push(behind);
    else this.last.delete(lane);
  }

  hasReady(): boolean {
    return this.ready.length > 0;
  }

  readyAt(): undefined {
    return undefined;
  }

  clear(): void {
    this.ready.clear();
    this.last.clear();
  }
}
