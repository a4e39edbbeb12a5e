import { sleep, type Clock } from '../../core/clock.js';
import type { Position } from './group-member.js';
import { toPosition, type Reading } from './reading.js';

const AGAIN_MS = 100;

export interface CommitterParts {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** The partitions that this member has. */
  readonly readings: () => Iterable<Reading>;
  readonly send: (positions: readonly Position[]) => Promise<void>;
  /** The coordinator refuses for a moment while it hands out partitions, and takes the same after. */
  readonly isRetryable: (error: unknown) => boolean;
  /** A commit that failed: its messages may repeat, nothing is lost. */
  readonly onError: (error: unknown) => void;
}

/**
 * Commits what is contiguously finished, on a timer and on demand. One commit runs at a time, each of what holds when its turn comes, so
 * that no older position overwrites a newer one.
 */
export class Committer {
  private running: Promise<unknown> = Promise.resolve();
  private cancel: (() => void) | undefined;
  private stopped = false;

  constructor(private readonly parts: CommitterParts) {}

  start(): void {
    this.cancel = this.parts.clock.after(this.parts.intervalMs, () => {
      void this.commit().then(() => {
        if (!this.stopped) this.start();
      });
    });
  }

  /** Ends the timer; a commit on demand is still possible. */
  stop(): void {
    this.stopped = true;
    this.cancel?.();
  }

  /** Resolves with what went wrong; undefined when the broker has all positions. */
  commit(): Promise<unknown> {
    this.running = this.running.then(() => this.commitNow());
    return this.running;
  }

  /** Again and again, while it can still succeed. */
  async commitSurely(mayGoOn: () => boolean): Promise<void> {
    for (;;) {
      const error = await this.commit();
      if (error === undefined || !this.parts.isRetryable(error) || !mayGoOn()) return;
      await sleep(this.parts.clock, AGAIN_MS);
    }
  }

  private async commitNow(): Promise<unknown> {
    const due = [...this.parts.readings()].flatMap((reading) => {
      const commit = reading.uncommitted;
      return commit === undefined ? [] : [{ reading, commit }];
    });
    if (due.length === 0) return undefined;
    try {
      await this.parts.send(due.map(toPosition));
      for (const { reading, commit } of due) reading.isCommitted(commit);
      return undefined;
    } catch (error) {
      this.parts.onError(error);
      return error;
    }
  }
}
