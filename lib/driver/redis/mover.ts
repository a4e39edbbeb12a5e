import type { Redis } from 'ioredis';
import type { Clock } from '../../core/clock.js';
import type { Log } from '../../core/log.js';
import { moveScript } from './lua/send.js';
import { runScript } from './redis.scripts.js';

interface DelayedSet {
  readonly key: string;
  readonly streams: readonly string[];
  /** Milliseconds since the epoch. */
  lookAt: number;
}

export interface MoverParts {
  readonly client: Redis;
  readonly clock: Clock;
  readonly log: Log;
}

/** Other processes put messages into the sets too, so each is looked at this often at least. */
const LOOK_MS = 1_000;

/** Moves delayed messages to their streams when they are due. Any number of processes may do so at once: each message goes once. */
export class Mover {
  private readonly sets = new Map<string, DelayedSet>();
  private cancel: (() => void) | undefined;
  private moving: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly parts: MoverParts) {}

  /** From now on this set is looked after; `dueAt`: something was put into it for then. */
  watch(key: string, streams: readonly string[], dueAt = 0): void {
    const known = this.sets.get(key) ?? { key, streams, lookAt: dueAt };
    known.lookAt = Math.min(known.lookAt, dueAt);
    this.sets.set(key, known);
    this.schedule();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancel?.();
    await this.moving;
  }

  private schedule(): void {
    if (this.closed || this.moving || this.sets.size === 0) return;
    const { clock } = this.parts;
    const at = Math.min(...[...this.sets.values()].map(({ lookAt }) => lookAt));
    this.cancel?.();
    this.cancel = clock.after(Math.max(at - clock.now(), 0), () => {
      this.moving ??= this.moveDue().finally(() => {
        this.moving = undefined;
        this.schedule();
      });
    });
  }

  private async moveDue(): Promise<void> {
    const now = this.parts.clock.now();
    for (const set of this.sets.values()) if (set.lookAt <= now && !this.closed) await this.move(set);
  }

  private async move(set: DelayedSet): Promise<void> {
    const { client, clock, log } = this.parts;
    set.lookAt = clock.now() + LOOK_MS;
    try {
      const [moved = 0, nextMs = -1] = (await runScript(client, moveScript, [set.key, ...set.streams], [])) as number[];
      if (moved > 0) log.debug(`${moved} delayed messages are due (${set.key})`);
      if (nextMs >= 0) set.lookAt = Math.min(set.lookAt, clock.now() + nextMs);
    } catch (error) {
      log.warn(
        `Delayed messages in ${set.key} cannot be moved, next attempt in ${LOOK_MS} ms: ${(error as Error).message}`,
      );
    }
  }
}
