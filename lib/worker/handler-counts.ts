import { events, type HandlerEvent, type LateEvent, type SettledEvent } from '../core/events.js';
import type { SettledAs } from '../core/outcome.js';

/** What became of a handler's messages since the app started; `retries` are failed attempts that another followed. */
export type Counts = Record<SettledAs | 'retries' | 'overdue' | 'taken' | 'late', number>;

const NOTHING: Counts = {
  handled: 0,
  skipped: 0,
  parked: 0,
  deadLettered: 0,
  dropped: 0,
  retries: 0,
  overdue: 0,
  taken: 0,
  late: 0,
};

/** Counts what the events of one app tell; nothing else is asked. */
export class HandlerCounts {
  private readonly byHandler = new Map<string, Counts>();

  /** @param app whose events count */
  constructor(private readonly app: string) {
    events.settled.subscribe(this.onSettled);
    events.retry.subscribe(this.onRetry);
    events.ackOverdue.subscribe(this.onOverdue);
    events.taken.subscribe(this.onTaken);
    events.late.subscribe(this.onLate);
  }

  of(handler: string): Readonly<Counts> {
    const known = this.byHandler.get(handler);
    if (known) return known;
    const counts = { ...NOTHING };
    this.byHandler.set(handler, counts);
    return counts;
  }

  /** What was counted stays; nothing is added any more. */
  close(): void {
    events.settled.unsubscribe(this.onSettled);
    events.retry.unsubscribe(this.onRetry);
    events.ackOverdue.unsubscribe(this.onOverdue);
    events.taken.unsubscribe(this.onTaken);
    events.late.unsubscribe(this.onLate);
  }

  private readonly onSettled = (event: SettledEvent) => this.add(event, event.as);
  private readonly onRetry = (event: HandlerEvent) => this.add(event, 'retries');
  private readonly onOverdue = (event: HandlerEvent) => this.add(event, 'overdue');
  private readonly onTaken = (event: HandlerEvent) => this.add(event, 'taken');
  private readonly onLate = (event: LateEvent) => this.add(event, 'late', event.count);

  private add({ app, handler }: HandlerEvent, name: keyof Counts, count = 1): void {
    if (app === this.app) (this.of(handler) as Counts)[name] += count;
  }
}
