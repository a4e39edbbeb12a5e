import type { OutgoingRecord } from '../../lib/core/message.js';
import { fetchedMessages } from '../../lib/driver/kafka/backlog.js';
import {
  nameOf,
  type GroupMember,
  type MemberEvents,
  type Position,
  type TopicPartition,
} from '../../lib/driver/kafka/group-member.js';
import {
  TransactionError,
  type TransactionClient,
  type TransactionFault,
  type Transactor,
} from '../../lib/driver/kafka/transactor.js';
import { BrokerUnavailableError, MessageTooLargeError, UnknownTopicError } from '../../lib/core/errors.js';

/** A client that does what a test says. */
export class FakeMember implements GroupMember {
  hasLeft = false;
  readonly commits: Position[] = [];
  readonly paused = new Set<number>();
  failure: Error | undefined;
  /** What its join waits for. */
  joining: Promise<void> = Promise.resolve();
  commitFailures: Error[] = [];
  /** Topics of which no position is taken; of several nobody says which. */
  readonly gone = new Set<string>();

  constructor(readonly events: MemberEvents) {}

  async run(): Promise<void> {
    await this.joining;
    if (this.failure) throw this.failure;
  }
  pause = ({ partition }: TopicPartition) => void this.paused.add(partition);
  resume = ({ partition }: TopicPartition) => void this.paused.delete(partition);
  async commit(positions: readonly Position[]): Promise<void> {
    const failure = this.commitFailures.shift();
    if (failure) throw failure;
    const missing = positions.find(({ topic }) => this.gone.has(topic));
    if (missing) throw new UnknownTopicError(missing.topic);
    this.commits.push(...positions);
  }
  async leave(): Promise<void> {
    this.hasLeft = true;
  }

  async get(partitions: readonly TopicPartition[], offset = 0, metadata = ''): Promise<void> {
    this.events.onAssigned(partitions);
    await this.events.onPositioning(partitions);
    await this.events.onPositions(partitions.map((one) => ({ ...one, offset: String(offset), metadata })));
  }

  fetch(from: TopicPartition, first: number, count: number): void {
    const messages = Array.from({ length: count }, (_, index) => ({
      offset: String(first + index),
      key: null,
      value: Buffer.from(`${from.partition}/${first + index}`),
    }));
    const more = { headers: [], timestamp: 0, deliveries: 1 };
    this.events.onFetched(
      from,
      first + count,
      fetchedMessages(messages, (partition, message) => ({ partition, ...message, ...more })),
    );
  }

  committed(partition = 0): string | undefined {
    return this.commits.findLast((one) => one.partition === partition)?.offset;
  }
}

/** A broker's transactions: what was committed, and what the next ones meet. */
export class FakeTransactions implements TransactionClient {
  /** Values of each transaction that was committed, with the positions. */
  readonly committedOnes: { readonly values: string[]; readonly offsets: string[] }[] = [];
  readonly positions = new Map<string, string>();
  /** What was kept beside positions, in the order it came. */
  readonly metadata: string[] = [];
  readonly steps: string[] = [];
  /** What the next transactions end with; `late` is committed although it fails. */
  readonly faults: (TransactionFault | 'late')[] = [];
  /** A record with it can never be written. */
  poison: string | undefined;

  constructor(private readonly isShared = false) {}

  idOf(partition: TopicPartition): string {
    return this.isShared ? 'one' : nameOf(partition);
  }

  async committed(partitions: readonly TopicPartition[]): Promise<readonly Position[]> {
    this.steps.push('read');
    return partitions.map((one) => ({ ...one, offset: this.positions.get(nameOf(one)) ?? '-1' }));
  }

  open(id: string): Transactor {
    this.steps.push(`open ${id}`);
    return {
      fence: async () => void this.steps.push('fence'),
      transact: (records, positions) => this.transact(records, positions),
      close: async () => void this.steps.push(`close ${id}`),
    };
  }

  get values(): string[] {
    return this.committedOnes.flatMap(({ values }) => values);
  }

  private async transact(records: readonly OutgoingRecord[], positions: readonly Position[]): Promise<void> {
    const values = records.map(({ value }) => String(value));
    const fault = this.faults.shift();
    if (fault && fault !== 'late') throw new TransactionError(fault, new BrokerUnavailableError(fault));
    if (this.poison !== undefined && values.includes(this.poison))
      throw new TransactionError('record', new MessageTooLargeError('too large'));
    for (const position of positions) this.positions.set(nameOf(position), position.offset);
    this.metadata.push(...positions.map(({ metadata = '' }) => metadata));
    this.committedOnes.push({ values, offsets: positions.map(({ offset }) => offset) });
    if (fault) throw new TransactionError('other', new BrokerUnavailableError('no answer'));
  }
}
