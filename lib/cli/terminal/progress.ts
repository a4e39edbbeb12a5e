import type { Terminal } from './terminal.js';

/** Columns of the bar where there is room. */
const BAR = 24;
const STEP_MS = 100;

/** How far long work is: a bar with rate and time left where a person looks, nothing elsewhere. */
export class Progress {
  /** What was done. */
  count = 0;
  private units = 0;
  private shownAt = 0;
  private readonly startedAt = Date.now();

  /** @param total in units of its own, such as bytes; undefined: nobody knows. */
  constructor(
    private readonly terminal: Terminal,
    private readonly verb: string,
    private readonly total: number | undefined,
    private readonly isShown = true,
  ) {}

  add(count: number, units: number): void {
    this.count += count;
    this.units += units;
    const now = Date.now();
    if (!this.isShown || now - this.shownAt < STEP_MS) return;
    this.shownAt = now;
    this.terminal.progress(this.line(now));
  }

  /** Takes the bar away. */
  end(): void {
    this.terminal.progress('');
  }

  private line(now: number): string {
    const seconds = Math.max(now - this.startedAt, 1) / 1_000;
    const rate = `${this.count} ${this.verb}, ${Math.round(this.count / seconds)}/s`;
    if (this.total === undefined || this.total === 0) return rate;
    const part = Math.min(this.units / this.total, 1);
    const left = part === 0 ? '' : `, ${duration(Math.ceil((seconds * (1 - part)) / part))} left`;
    const text = `${Math.round(part * 100)} %  ${rate}${left}`;
    const bar = Math.min(BAR, Math.max(this.terminal.progressWidth - text.length - 1, 0));
    const filled = Math.round(part * bar);
    return `${'█'.repeat(filled)}${'░'.repeat(bar - filled)} ${text}`.trimStart();
  }
}

/** As coarse as a person needs it: `42 s`, `12 min`, `3 h 5 min`. */
function duration(seconds: number): string {
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
