import { randomBytes } from 'node:crypto';
import type { Delivery } from '../../core/delivery.js';
import type { MessagingError } from '../../core/errors.js';
import { compareOffsets, offsetAfter } from '../../core/offset.js';
import { Fifo } from '../../core/fifo.js';
import type { BrokerAdmin, PartitionPosition, ReadSink, TopicReader } from '../../driver/broker-admin.js';

/** Most messages that wait to be looked at; above it nothing more is fetched. */
const MAX_WAITING = 2_000;

export interface ReadPlan {
  readonly topic: string;
  readonly from: readonly PartitionPosition[];
  /** Where each partition is over; without it the read goes on with what comes. */
  readonly until?: readonly PartitionPosition[] | undefined;
  /** Ends the read. */
  readonly signal: AbortSignal;
  /** In offset order within a partition. False ends the read. */
  readonly onMessage: (delivery: Delivery) => Promise<boolean>;
}

interface Chunk extends PartitionPosition {
  readonly deliveries: readonly Delivery[];
}

/**
 * Reads a topic beside all groups. Resolves with how far it came in each partition: behind the last message that was looked at.
 *
 * @throws MessagingError when the broker cannot be read any more.
 */
export async function readTopic(admin: BrokerAdmin, plan: ReadPlan): Promise<readonly PartitionPosition[]> {
  const from = plan.from.filter((position) => !isOver(position, plan.until));
  const read = new TopicRead({ ...plan, from });
  if (from.length === 0) return plan.from;
  const reader = admin.read({ topic: plan.topic, groupId: readerName(plan.topic), from }, read);
  try {
    await read.run(reader);
  } finally {
    await reader.close();
  }
  return plan.from.map(({ partition, offset }) => ({ partition, offset: read.reached.get(partition) ?? offset }));
}

class TopicRead implements ReadSink {
  readonly reached = new Map<number, string>();
  private readonly chunks = new Fifo<Chunk>();
  private readonly open: Set<number>;
  private waiting = 0;
  private error: MessagingError | undefined;
  private wake = () => {};

  constructor(private readonly plan: ReadPlan) {
    this.open = new Set(plan.from.map(({ partition }) => partition));
  }

  onRead(deliveries: readonly Delivery[], position: PartitionPosition): void {
    this.chunks.push({ deliveries, ...position });
    this.waiting += deliveries.length;
    this.wake();
  }

  onError(error: MessagingError): void {
    this.error = error;
    this.wake();
  }

  async run(reader: TopicReader): Promise<void> {
    const { signal } = this.plan;
    signal.addEventListener('abort', () => this.wake(), { once: true });
    while (!signal.aborted && this.open.size > 0) {
      if (this.error) throw this.error;
      const chunk = this.chunks.shift();
      if (!chunk) {
        await this.more();
        continue;
      }
      if (this.waiting > MAX_WAITING) reader.pause();
      if (!(await this.look(chunk))) return;
      this.waiting -= chunk.deliveries.length;
      if (this.waiting === 0) reader.resume();
    }
  }

  private more(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  private async look({ deliveries, partition, offset }: Chunk): Promise<boolean> {
    const end = this.plan.until?.find((one) => one.partition === partition)?.offset;
    for (const delivery of deliveries) {
      if (this.plan.signal.aborted) return false;
      if (end !== undefined && compareOffsets(delivery.offset, end) >= 0) break;
      const goesOn = await this.plan.onMessage(delivery);
      this.reached.set(partition, offsetAfter(delivery.offset));
      if (!goesOn) return false;
    }
    if (end === undefined || compareOffsets(offset, end) < 0) this.reached.set(partition, offset);
    else this.close(partition, end);
    return true;
  }

  private close(partition: number, end: string): void {
    this.open.delete(partition);
    this.reached.set(partition, end);
  }
}

function isOver({ partition, offset }: PartitionPosition, until: readonly PartitionPosition[] | undefined): boolean {
  const end = until?.find((one) => one.partition === partition)?.offset;
  return until !== undefined && (end === undefined || compareOffsets(offset, end) >= 0);
}

/** Of a group of its own, in case that the client needs one. */
function readerName(topic: string): string {
  return `${topic}-cli-${randomBytes(4).toString('hex')}`;
}
