import type { Delivery } from '../core/delivery.js';
import { MessageHeaders } from '../core/headers.js';

/** A message of a `MessageStream`. */
export class StreamMessage<Value = unknown, Key = string> {
  private headerView: MessageHeaders | undefined;

  /** @internal */
  constructor(
    private readonly delivery: Delivery,
    /** The payload; `null` is a tombstone. */
    readonly value: Value,
    /** 1, and one more each time that it was given back. */
    readonly attempt: number,
    /** The key as UTF-8, or as the topic's `keySchema` has it; undefined without one. */
    readonly key: Key | undefined,
  ) {}

  get topic(): string {
    return this.delivery.partition.topic;
  }

  get partition(): number {
    return this.delivery.partition.index;
  }

  /** Position in the partition; on Redis the entry id. */
  get offset(): string {
    return this.delivery.offset;
  }

  /** The key as bytes. */
  get keyBuffer(): Buffer | null {
    return this.delivery.key;
  }

  get headers(): MessageHeaders {
    this.headerView ??= new MessageHeaders(this.delivery.headers);
    return this.headerView;
  }

  /** Milliseconds since the epoch, as the sender or the broker stamped it. */
  get timestamp(): number {
    return this.delivery.timestamp;
  }

  /** How often the group got this message; 1 where the broker does not count. */
  get deliveries(): number {
    return this.delivery.deliveries;
  }
}
