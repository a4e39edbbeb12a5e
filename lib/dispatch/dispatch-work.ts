import type { Delivery, Partition } from '../core/delivery.js';
import type { Settle, Verdict } from '../core/outcome.js';
import type { Task } from './task.js';

/** What the dispatcher drives. Nothing here may throw or reject. */
export interface DispatchWork {
  /** One attempt for one message. */
  run(task: Task): Promise<Verdict>;
  /** One attempt for several messages of a partition; one verdict each, in their order. */
  runBatch(tasks: readonly Task[]): Promise<readonly Verdict[]>;
  /** Carries out the outcome; the message's lane stays closed until it is done, unless outcomes are held (`isTransactional`). */
  settle(task: Task, verdict: Settle): Promise<void> | void;
  /** The message stays unsettled: another owner of the partition will have it. */
  release(task: Task): void;
  /** Another member has the message now, or may have it. */
  taken(task: Task): void;
  /** The handler cannot go on. */
  stop(error: Error): void;
  pause(partition: Partition): void;
  resume(partition: Partition): void;
  /** Milliseconds since the epoch: a message of a retry topic may not be handled before; undefined for others. */
  notBefore(delivery: Delivery): number | undefined;
}
