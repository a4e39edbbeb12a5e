import type { MemoryBroker } from '../../memory-broker/memory-broker.js';
import type { Partition } from '../../core/delivery.js';
import { onceATick } from '../../core/once-a-tick.js';
import type { PartitionPosition, ReadRequest, ReadSink, TopicReader } from '../broker-admin.js';
import { toDelivery } from './memory.delivery.js';

const BATCH = 500;

/** Reads a topic of the embedded broker without a group. */
export class MemoryReader implements TopicReader {
  private readonly next: Map<Partition, number>;
  private paused = false;
  /** Messages come on a later turn of the event loop, as from a socket. */
  private readonly schedule = onceATick(() => {
    for (const [partition, offset] of this.next) this.deliver(partition, offset);
  });
  private closed = false;
  private readonly onAppend = (topic: string) => {
    if (topic === this.request.topic) this.schedule();
  };

  constructor(
    private readonly broker: MemoryBroker,
    private readonly request: ReadRequest,
    private readonly sink: ReadSink,
  ) {
    const { topic } = request;
    this.next = new Map(request.from.map(({ partition, offset }) => [{ topic, index: partition }, Number(offset)]));
    broker.events.on('append', this.onAppend);
    this.schedule();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.schedule();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.broker.events.off('append', this.onAppend);
  }

  private deliver(partition: Partition, offset: number): void {
    if (this.paused || this.closed) return;
    const log = this.broker.topic(partition.topic)?.logs[partition.index];
    const records = log?.read(offset, BATCH) ?? [];
    const last = records.at(-1);
    if (!log || !last) return;
    this.next.set(partition, last.offset + 1);
    const position: PartitionPosition = { partition: partition.index, offset: String(last.offset + 1) };
    this.sink.onRead(
      records.map((record) => toDelivery(partition, record)),
      position,
    );
    if (last.offset + 1 < log.end) this.schedule();
  }
}
