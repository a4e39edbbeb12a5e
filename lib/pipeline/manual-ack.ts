import type { Attempt } from '../core/attempt.js';
import { deferred } from '../core/deferred.js';
import { toError } from '../core/errors.js';
import { SETTLE_ACK, type Verdict } from '../core/outcome.js';
import { StaleDeliveryError } from './errors.js';

/** The acknowledgement of one message, in the hands of its handler. */
export class ManualAck {
  private readonly settled = deferred();
  private readonly returned = deferred();
  private decision: 'open' | 'made' | 'stale' = 'open';
  private cancelTimer: (() => void) | undefined;

  /** @param failed what follows a failure of the message */
  constructor(
    private readonly attempt: Attempt,
    private readonly failed: (error: Error) => Promise<Verdict>,
  ) {
    attempt.onAbandon = () => this.abandon();
    this.settled.promise.catch(() => {}); // who does not await an ack does not want to hear of it
  }

  get isOpen(): boolean {
    return this.decision === 'open';
  }

  /** Resolves when the message is settled. @throws StaleDeliveryError when it went to another member. */
  ack(): Promise<void> {
    if (this.decision === 'open') {
      this.close('made');
      this.attempt.decide({ ...SETTLE_ACK, after: this.settled.resolve });
    }
    return this.settled.promise;
  }

  /** The message has failed: the retry policy says what follows, once the handler has returned. */
  async nack(thrown?: unknown): Promise<void> {
    if (this.decision === 'stale') return this.settled.promise;
    if (this.decision === 'made') return;
    this.close('made');
    const error = thrown === undefined ? new Error('the handler called nack()') : toError(thrown);
    void this.returned.promise.then(async () => this.attempt.decide(await this.failed(error)));
  }

  /** The handler has thrown before it decided: the retry policy decides, and this attempt has no say any more. */
  handlerFailed(): void {
    if (this.decision === 'open') this.expire('has failed before it was acknowledged. The retry policy decides.');
  }

  /** The handler has returned without a decision: it is reminded when its time is over. */
  handlerReturned(remind: () => () => void): void {
    this.returned.resolve();
    if (this.decision === 'open') this.cancelTimer = remind();
  }

  private close(decision: 'made' | 'stale'): void {
    this.decision = decision;
    this.cancelTimer?.();
  }

  private abandon(): void {
    this.expire('went to another member before it was settled. It comes again there.');
  }

  private expire(why: string): void {
    this.close('stale');
    const { partition, offset } = this.attempt.delivery;
    const text = `${partition.topic}/${partition.index} offset ${offset} ${why}`;
    this.settled.reject(new StaleDeliveryError(text, { topic: partition.topic, partition: partition.index, offset }));
  }
}
