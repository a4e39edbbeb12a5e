import { sleep, type Clock } from '../../core/clock.js';
import { groupBy } from '../../core/group-by.js';
import type { Position } from './group-member.js';
import { toPosition, type Commit, type Reading } from './reading.js';

const AGAIN_MS = 100;

export interface CommitterParts {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** The partitions that this member has. */
  readonly readings: () => Iterable<Reading>;
  readonly send: (positions: readonly Position[]) => Promise<void>;
  /** The coordinator refuses for a moment while it hands out partitions, and takes the same after. */
  readonly isRetryable: (error: unknown) => boolean;
  /** The broker does not know a topic; of several it does not say which. */
  readonly isUnknownTopic: (error: unknown) => boolean;
  /** A commit that failed: its messages may repeat, nothing is lost. */
  readonly onError: (error: unknown) => void;
}

interface Due {
  readonly reading: Reading;
  readonly commit: Commit;
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

  /** Resolves with what went wrong; undefined when the broker has all positions that it will take. */
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
    return due.length === 0 ? undefined : this.commitAll(due);
  }

  private async commitAll(due: readonly Due[]): Promise<unknown> {
    try {
      await this.parts.send(due.map(toPosition));
    } catch (error) {
      if (this.parts.isUnknownTopic(error)) return this.commitKnown(due, error);
      this.parts.onError(error);
      return error;
    }
    for (const { reading, commit } of due) reading.isCommitted(commit);
    return undefined;
  }

  /** A topic that is gone holds up no other. */
  private async commitKnown(due: readonly Due[], error: unknown): Promise<unknown> {
    const topics = [...groupBy(due, ({ reading }) => reading.topic).values()];
    let failure: unknown;
    if (topics.length > 1) for (const own of topics) failure = (await this.commitAll(own)) ?? failure;
    else {
      this.parts.onError(error);
      for (const { reading, commit } of due) reading.isGone(commit);
    }
    return failure;
  }
}
