import type { Clock } from '../../core/clock.js';

/** Calls `expire` when a deadline comes; it returns the next one, or Infinity. One timer serves all. */
export class Sweep {
  private cancel: (() => void) | undefined;
  private at = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly expire: (now: number) => number,
  ) {}

  /** Milliseconds since the epoch. */
  by(deadline: number): void {
    if (deadline >= this.at) return;
    this.cancel?.();
    this.at = deadline;
    this.cancel = this.clock.after(deadline - this.clock.now() + 1, () => {
      this.at = Infinity;
      this.by(this.expire(this.clock.now()));
    });
  }

  stop(): void {
    this.cancel?.();
  }
}
