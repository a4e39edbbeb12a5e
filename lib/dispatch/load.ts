import type { Delivery } from '../core/delivery.js';
import type { Task } from './task.js';

/** The unfinished messages of a handler, by what they wait for. */
export interface DispatcherLoad {
  /** In the handler, or having their outcome settled. */
  readonly running: number;
  /** Failed, and waiting for their next attempt. */
  readonly retrying: number;
  /** Returned from by a handler that acknowledges by itself, and not acknowledged. */
  readonly unacked: number;
  /** Received, and waiting for their turn. */
  readonly queued: number;
  /** The one that was sent first. */
  readonly oldest: Delivery | undefined;
}

export function loadOf(tasks: readonly Task[]): DispatcherLoad {
  const count = (...states: Task['state'][]) => tasks.filter(({ state }) => states.includes(state)).length;
  const oldest = tasks.reduce<Task | undefined>(
    (first, task) => (first && first.delivery.timestamp <= task.delivery.timestamp ? first : task),
    undefined,
  );
  return {
    running: count('running', 'settling'),
    retrying: count('waiting'),
    unacked: count('unacked'),
    queued: count('queued'),
    oldest: oldest?.delivery,
  };
}
