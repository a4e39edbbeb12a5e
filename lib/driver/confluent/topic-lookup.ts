import { UnknownPartitionError, type MessagingError } from '../../core/errors.js';
import type { Linked } from '../../core/linked-list.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { SendCall } from '../send-call.js';

/** A record on its way; its neighbours are those that librdkafka has beside it. */
export interface Pending extends Linked<Pending> {
  readonly record: OutgoingRecord;
  readonly call: SendCall;
  readonly index: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

export interface TopicLookupParts {
  /** What the brokers say. */
  readonly partitionsOf: (topic: string) => Promise<number | MessagingError>;
  /** These can be sent. */
  readonly onFound: (found: readonly Pending[]) => void;
}

/** Records of topics and partitions that librdkafka does not know: the brokers are asked. Meanwhile all records of the topic wait here, so that they keep their order. */
export class TopicLookup {
  private readonly held = new Map<string, Pending[]>();

  constructor(private readonly parts: TopicLookupParts) {}

  get isIdle(): boolean {
    return this.held.size === 0;
  }

  get all(): readonly Pending[] {
    return [...this.held.values()].flat();
  }

  add(pending: Pending): void {
    if (this.joins(pending)) return;
    const { topic } = pending.record;
    const held = [pending];
    this.held.set(topic, held);
    void this.parts.partitionsOf(topic).then((found) => {
      this.held.delete(topic);
      this.parts.onFound(held.filter((one) => canBeSent(one, found)));
    });
  }

  /** True when its topic is being looked up, and this record now waits with the others. */
  joins(pending: Pending): boolean {
    const held = this.held.get(pending.record.topic);
    held?.push(pending);
    return held !== undefined;
  }
}

function canBeSent({ record, call, index }: Pending, found: number | MessagingError): boolean {
  const { partition = 0, topic } = record;
  if (typeof found !== 'number') call.set(index, found);
  else if (Number.isInteger(partition) && partition >= 0 && partition < found) return true;
  else call.set(index, new UnknownPartitionError(topic, partition, found));
  return false;
}
