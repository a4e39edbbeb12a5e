import { Task } from './task.js';

/** What keeps its order while several messages run at once. */
export type Ordering = 'key' | 'partition' | 'none';

/** What runs together: one message, or a batch. */
export type Unit = Task | readonly Task[];

export function tasksOf(unit: Unit): readonly Task[] {
  return unit instanceof Task ? [unit] : unit;
}

/**
 * The messages of one partition in lanes: which may run next. A lane has one unit in work at a time, and what has no order to keep is a
 * lane of its own.
 */
export interface Lanes {
  /** A message that has just come. */
  push(task: Task): void;
  /** The next unit to run; undefined when nothing may run now. Its lanes are closed until each is freed. */
  take(): Unit | undefined;
  /** A message whose wait is over goes before all others of its lane. */
  requeue(task: Task): void;
  /** Messages of a batch that were not handled go behind the one of their lane that failed. */
  putBack(tasks: readonly Task[]): void;
  /** The message is done with: its lane may go on. */
  free(task: Task): void;
  hasReady(): boolean;
  /** Milliseconds since the epoch: when there will be a unit although nothing more comes; undefined when there is one, or none to come. */
  readyAt(): number | undefined;
  clear(): void;
}
