import type { MessagingError } from '../../core/errors.js';
import type { DriverContext } from '../driver.js';

/** What a part of a driver noticed last, told to the connection when it changes. */
export class BrokerStatus {
  private isDown = false;

  constructor(
    private readonly context: DriverContext,
    private readonly wrap: (thrown: unknown) => MessagingError,
  ) {}

  up(): void {
    if (!this.isDown) return;
    this.isDown = false;
    this.context.onStatus({ state: 'up' });
  }

  /** The client goes on by itself: said once, until it has. */
  trouble(thrown: unknown): void {
    const isNews = !this.isDown;
    const { message } = this.down(thrown);
    if (isNews) this.context.log.warn(`${message} It is tried again.`);
  }

  down(thrown: unknown): MessagingError {
    const error = this.wrap(thrown);
    this.isDown = true;
    this.context.onStatus({ state: 'down', error });
    return error;
  }
}
