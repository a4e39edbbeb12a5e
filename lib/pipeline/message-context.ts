import type { Attempt } from '../core/attempt.js';
import { MessageHeaders } from '../core/headers.js';
import { AckModeError } from './errors.js';
import { originOf, type Origin } from './failure-record.js';
import type { ManualAck } from './manual-ack.js';

/**
 * What a handler gets beside the payload.
 *
 * @example
 * ```ts
 * @Consumer({ topic: 'orders' })
 * async onOrder(order: Order, context: MessageContext) {
 *   await this.http.post('/invoices', order, { signal: context.signal });
 * }
 * ```
 * @typeParam Key the topic's, where it has a `keySchema`: `MessageContext<KeyOf<typeof Stock>>`
 */
export class MessageContext<Key = string> {
  /** 1 for the first call; it begins at 1 again when the message is delivered again. */
  readonly attempt: number;
  private headerView: MessageHeaders | undefined;
  private from: Origin | undefined;
  private readKey: unknown;

  /** @internal */
  constructor(
    private readonly current: Attempt,
    /** The group that this handler is a member of. */
    readonly groupId: string,
    private readonly manual?: ManualAck,
  ) {
    this.attempt = current.attempt;
  }

  /** The topic that the message was sent to; a retry topic it has come through does not show. */
  get topic(): string {
    return this.origin.topic;
  }

  get partition(): number {
    return this.origin.partition;
  }

  /** Position in the partition; on Redis the entry id. */
  get offset(): string {
    return this.origin.offset;
  }

  /** The key as UTF-8, or as the topic's `keySchema` has it; undefined without one. */
  get key(): Key | undefined {
    return (this.readKey ?? this.current.delivery.key?.toString('utf8')) as Key | undefined;
  }

  /** @internal */
  receiveKey(key: unknown): void {
    this.readKey = key;
  }

  /** The key as bytes. */
  get keyBuffer(): Buffer | null {
    return this.current.delivery.key;
  }

  get headers(): MessageHeaders {
    this.headerView ??= new MessageHeaders(this.current.delivery.headers);
    return this.headerView;
  }

  /** Milliseconds since the epoch, as the sender or the broker stamped it. */
  get timestamp(): number {
    return this.origin.timestamp;
  }

  /** How often the group got this message; 1 where the broker does not count. */
  get deliveries(): number {
    return this.current.delivery.deliveries;
  }

  /** Aborts when the handler must end: its partition went to another member, or the shutdown's time is over. */
  get signal(): AbortSignal {
    return this.current.signal;
  }

  /**
   * Acknowledges the message; only with `ack: 'manual'`. It may be called after the handler has returned. Resolves when the message is
   * settled.
   * @throws AckModeError when the handler does not acknowledge by itself.
   * @throws StaleDeliveryError when the message went to another member.
   */
  async ack(): Promise<void> {
    await this.own('ack').ack();
  }

  /** Gives the message to the retry policy, as a throw does; only with `ack: 'manual'`. */
  async nack(error?: unknown): Promise<void> {
    await this.own('nack').nack(error);
  }

  private own(name: string): ManualAck {
    if (this.manual) return this.manual;
    throw new AckModeError(
      `${name}() has no effect here: the message is acknowledged when the handler returns. Set \`ack: 'manual'\`.`,
    );
  }

  private get origin(): Origin {
    this.from ??= originOf(this.current);
    return this.from;
  }
}
