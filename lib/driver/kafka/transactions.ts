import { ClosedError } from '../../core/errors.js';
import type { Delivery } from '../../core/delivery.js';
import { groupBy } from '../../core/group-by.js';
import type { OutgoingRecord } from '../../core/message.js';
import { tooLarge } from '../too-large.js';
import type { Reading } from './reading.js';
import { TransactionWriter, type WriterParts } from './transaction-writer.js';

export interface TransactionsParts extends WriterParts {
  readonly maxMessageBytes: number;
}

/** The partitions of a member whose outcomes and positions are written in transactions, each with its writer. */
export class Transactions {
  private readonly writers = new Map<string, TransactionWriter>();
  /** Former writers that are not through yet: who takes over their id waits for them. */
  private readonly closing = new Map<string, Promise<void>>();

  constructor(private readonly parts: TransactionsParts) {}

  /** When it resolves, what the group has as its position in these is final. */
  async open(readings: readonly Reading[]): Promise<void> {
    const byId = groupBy(readings, (reading) => this.idOf(reading));
    await Promise.all([...byId].map(([id, own]) => this.openOne(id, own)));
  }

  /** Resolves when it is written. @throws MessagingError of a record that can never be written; ClosedError when the message comes again. */
  async hold(reading: Reading, delivery: Delivery, records: readonly OutgoingRecord[]): Promise<void> {
    const writer = this.writers.get(this.idOf(reading));
    if (!writer) throw new ClosedError(`partition ${reading.index} of ${reading.topic} is given up`);
    for (const record of records) {
      const fault = tooLarge(record, this.parts.maxMessageBytes);
      if (fault) throw fault;
    }
    const written = reading.held.hold(delivery, records);
    writer.wake(reading.paused || reading.isSuspicious ? 0 : (reading.transactionIntervalMs ?? 0));
    return written;
  }

  /** The handlers of these wait for what is held. */
  hurry(readings: readonly Reading[]): void {
    for (const id of new Set(readings.map((reading) => this.idOf(reading)))) this.writers.get(id)?.hurry();
  }

  /** Writes what is held and can be, while it can still succeed. */
  async finish(mayGoOn: () => boolean): Promise<void> {
    await Promise.all([...this.writers.values()].map((writer) => writer.finish(mayGoOn)));
  }

  /** One turn of each. */
  async turn(): Promise<void> {
    await Promise.all([...this.writers.values()].map((writer) => writer.turn()));
  }

  /** These are given up. */
  left(readings: readonly Reading[]): void {
    for (const [id, own] of groupBy(readings, (reading) => this.idOf(reading))) {
      const writer = this.writers.get(id);
      writer?.remove(own);
      if (writer?.isEmpty) this.closeOne(id, writer);
    }
  }

  /** Resolves when nothing of former transactions goes on. */
  async whenClosed(): Promise<void> {
    await Promise.all(this.closing.values());
  }

  private async openOne(id: string, readings: readonly Reading[]): Promise<void> {
    await this.closing.get(id);
    const writer = this.writers.get(id) ?? new TransactionWriter(id, this.parts);
    this.writers.set(id, writer);
    await writer.add(readings);
  }

  private closeOne(id: string, writer: TransactionWriter): void {
    this.writers.delete(id);
    const closing = writer.close().finally(() => {
      if (this.closing.get(id) === closing) this.closing.delete(id);
    });
    this.closing.set(id, closing);
  }

  private idOf({ topic, index: partition }: Reading): string {
    return this.parts.client.idOf({ topic, partition });
  }
}
