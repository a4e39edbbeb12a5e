import { systemClock, type Clock } from '../core/clock.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands until a test moves it. */
export class FakeClock implements Clock {
  private readonly timers = new Set<Timer>();
  /** When it began to run like the system's, on both clocks. */
  private running: { readonly time: number; readonly systemTime: number } | undefined;

  /** @param time milliseconds since the epoch, to begin with */
  constructor(private time = 1_000_000) {}

  now(): number {
    return this.running ? this.running.time + systemClock.now() - this.running.systemTime : this.time;
  }

  after(ms: number, callback: () => void): () => void {
    if (this.running) return systemClock.after(ms, callback);
    const timer = { at: this.time + ms, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Runs every timer that is due on the way, each at its own time, and lets `settled` come to rest in between. */
  async advance(ms: number, settled: () => Promise<void> = settle): Promise<void> {
    const end = this.time + ms;
    await settled();
    for (let next = this.next(end); next; next = this.next(end)) {
      this.time = Math.max(this.time, next.at);
      this.timers.delete(next);
      next.callback();
      await settled();
    }
    this.time = end;
  }

  /** From now on it runs like the system's: for the end of a test, so that deadlines come. */
  run(): void {
    if (this.running) return;
    this.running = { time: this.time, systemTime: systemClock.now() };
    for (const timer of this.timers) {
      systemClock.after(timer.at - this.time, () => {
        if (this.timers.delete(timer)) timer.callback();
      });
    }
  }

  private next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}

/** Lets everything run that waits for no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}
