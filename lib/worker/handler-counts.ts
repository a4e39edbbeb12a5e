import { events, type HandlerEvent, type SettledEvent } from '../core/events.js';
import type { SettledAs } from '../core/outcome.js';

/** What became of a handler's messages since the app started; `retries` are failed attempts that another followed. */
export type Counts = Record<SettledAs | 'retries' | 'overdue', number>;

/** Counts what the events of one app tell; nothing else is asked. */
export class HandlerCounts {
  private readonly byHandler = new Map<string, Counts>();

  /** @param app whose events count */
  constructor(private readonly app: string) {
    events.settled.subscribe(this.onSettled);
    events.retry.subscribe(this.onRetry);
    events.ackOverdue.subscribe(this.onOverdue);
  }

  of(handler: string): Readonly<Counts> {
    const known = this.byHandler.get(handler);
    if (known) return known;
    const counts = { handled: 0, skipped: 0, parked: 0, deadLettered: 0, dropped: 0, retries: 0, overdue: 0 };
    this.byHandler.set(handler, counts);
    return counts;
  }

  /** What was counted stays; nothing is added any more. */
  close(): void {
    events.settled.unsubscribe(this.onSettled);
    events.retry.unsubscribe(this.onRetry);
    events.ackOverdue.unsubscribe(this.onOverdue);
  }

  private readonly onSettled = (event: SettledEvent) => this.add(event, event.as);
  private readonly onRetry = (event: HandlerEvent) => this.add(event, 'retries');
  private readonly onOverdue = (event: HandlerEvent) => this.add(event, 'overdue');

  private add({ app, handler }: HandlerEvent, name: keyof Counts): void {
    if (app === this.app) (this.of(handler) as Counts)[name]++;
  }
}
