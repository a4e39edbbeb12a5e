import type { Clock } from '../core/clock.js';
import type { MessagingError } from '../core/errors.js';
import { events } from '../core/events.js';
import type { Log } from '../core/log.js';

const QUIET_MS = 1_000;

/** Tells of messages that nobody waits for: each as an event, in the log at most one line a second. */
export class FailureReport {
  private cancel: (() => void) | undefined;
  private untold = 0;
  private last = '';

  constructor(
    private readonly connection: string,
    private readonly log: Log,
    private readonly clock: Clock,
  ) {}

  report(topic: string, error: MessagingError): void {
    events.sendFailed.publish({ connection: this.connection, topic, error });
    this.last = error.message;
    if (this.cancel) this.untold++;
    else this.tell(error.message);
  }

  /** Tells what is untold, and nothing later. */
  close(): void {
    this.cancel?.();
    this.cancel = undefined;
    if (this.untold > 0) this.log.error(this.summary());
    this.untold = 0;
  }

  private tell(text: string): void {
    this.log.error(text);
    this.cancel = this.clock.after(QUIET_MS, () => {
      this.cancel = undefined;
      if (this.untold === 0) return;
      const summary = this.summary();
      this.untold = 0;
      this.tell(summary);
    });
  }

  private summary(): string {
    return `${this.untold} more messages were not sent, the last: ${this.last}`;
  }
}
