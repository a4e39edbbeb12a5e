import type { MessageContext } from './message-context.js';

/**
 * What `processBatch` gets beside the payloads.
 *
 * @example
 * ```ts
 * override async processBatch(jobs: Job[], context: BatchContext) {
 *   await this.db.insert(jobs.map((job, index) => ({ ...job, key: context.messages[index]?.key })));
 *   return jobs.map(({ id }) => ({ id }));
 * }
 * ```
 */
export class BatchContext<Key = string> {
  /** @internal */
  constructor(
    /** The context of each message, in the order of the payloads. */
    readonly messages: readonly MessageContext<Key>[],
  ) {}

  get topic(): string {
    return this.first.topic;
  }

  get partition(): number {
    return this.first.partition;
  }

  /** Aborts when the handler must end. */
  get signal(): AbortSignal {
    return this.first.signal;
  }

  /**
   * Acknowledges a message, or all of them; only with `ack: 'manual'`.
   * @throws AckModeError, StaleDeliveryError
   */
  async ack(index?: number): Promise<void> {
    await Promise.all(this.chosen(index).map((context) => context.ack()));
  }

  /** Gives a message, or all of them, to the retry policy; only with `ack: 'manual'`. */
  async nack(index?: number, error?: unknown): Promise<void> {
    await Promise.all(this.chosen(index).map((context) => context.nack(error)));
  }

  private get first(): MessageContext<Key> {
    return this.messages[0] as MessageContext<Key>;
  }

  private chosen(index: number | undefined): readonly MessageContext<Key>[] {
    if (index === undefined) return this.messages;
    const context = this.messages[index];
    if (!context) throw new RangeError(`Expected \`index\` to be from 0 to ${this.messages.length - 1}, got ${index}.`);
    return [context];
  }
}

/** What a handler gets beside a payload, or beside several. */
export type HandlerContext<Key> = MessageContext<Key> | BatchContext<Key>;
