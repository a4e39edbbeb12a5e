import type { Task } from './task.js';

/** Tasks in the order they came, each of which can go at any time. Not a set: that hashes, and grows anew, for each message that comes and goes. */
export class TaskList implements Iterable<Task> {
  private first: Task | undefined;
  private last: Task | undefined;
  length = 0;

  add(task: Task): void {
    task.previous = this.last;
    if (this.last) this.last.next = task;
    else this.first = task;
    this.last = task;
    this.length++;
  }

  /** False when it is not there any more. */
  delete(task: Task): boolean {
    if (!task.previous && this.first !== task) return false;
    const { previous, next } = task;
    if (previous) previous.next = next;
    else this.first = next;
    if (next) next.previous = previous;
    else this.last = previous;
    task.previous = undefined;
    task.next = undefined;
    this.length--;
    return true;
  }

  *[Symbol.iterator](): Iterator<Task> {
    for (let task = this.first; task; task = task.next) yield task;
  }
}
