import type { Clock } from '../../core/clock.js';
import type { Delivery } from '../../core/delivery.js';
import { ClosedError, UnknownTopicError, type MessagingError } from '../../core/errors.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { Outcome } from '../../core/outcome.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext, SubscribeRequest } from '../driver.js';
import { sendOutputs, type OutputSender } from '../send-outputs.js';
import { Committer } from './committer.js';
import type { GroupMember, Position } from './group-member.js';
import type { Intake } from './intake.js';
import { Reading } from './reading.js';
import { Transactions } from './transactions.js';
import type { TransactionClient } from './transactor.js';

export interface SettlementParts {
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly request: SubscribeRequest;
  readonly producer: OutputSender;
  readonly transactions: TransactionClient;
  readonly intake: Intake;
  readonly member: () => GroupMember | undefined;
  readonly wrap: (thrown: unknown, topic?: string) => MessagingError;
  /** Somebody else has these, whatever the group says. */
  readonly onMoved: (readings: readonly Reading[]) => void;
}

/**
 * Carries outcomes out, and keeps the positions that follow from them: each outcome by itself, with positions on a timer; or, where the
 * topic's handler wants that, both in transactions.
 */
export class Settlement {
  private readonly committer: Committer;
  private readonly transactions: Transactions;
  private readonly clock: Clock;

  constructor(private readonly parts: SettlementParts) {
    const { options, context, intake } = parts;
    this.clock = context.clock;
    this.committer = new Committer({
      clock: this.clock,
      intervalMs: options.autoCommitIntervalMs,
      readings: () => intake.of().filter((reading) => !isTransactional(reading)),
      send: (positions) => this.send(positions),
      isRetryable: (error) => parts.wrap(error).retryable,
      isUnknownTopic: (error) => parts.wrap(error, parts.request.topics[0]?.topic) instanceof UnknownTopicError,
      onError: (error) => this.failed('positions were not committed, their messages may repeat', error),
    });
    this.transactions = new Transactions({
      clock: this.clock,
      client: parts.transactions,
      idleMs: options.autoCommitIntervalMs,
      heartbeatMs: options.heartbeatIntervalMs,
      maxMessageBytes: options.maxMessageBytes,
      onWritten: (delivery) => intake.finish(delivery),
      onMoved: parts.onMoved,
      onError: (error) => this.failed('a transaction failed and is looked into', error),
    });
  }

  start(): void {
    this.committer.start();
  }

  settle(delivery: Delivery, outcome: Outcome): Promise<void> | void {
    switch (outcome.kind) {
      case 'ack':
        return this.finish(delivery, outcome.outputs);
      case 'retryLater':
      case 'deadLetter':
        return this.finish(delivery, [outcome.record]);
      case 'release':
        return this.parts.intake.released(delivery);
    }
  }

  /** Before the positions of these are read: no transaction of an earlier owner can move them any more. */
  open(readings: readonly Reading[]): Promise<void> {
    return this.transactions.open(readings.filter(isTransactional));
  }

  /** One attempt to keep what holds now. */
  async commit(): Promise<void> {
    await Promise.all([this.committer.commit(), this.transactions.turn()]);
  }

  /** Again and again, while it can still succeed. */
  async commitSurely(mayGoOn: () => boolean): Promise<void> {
    await Promise.all([this.committer.commitSurely(mayGoOn), this.transactions.finish(mayGoOn)]);
  }

  /** The handlers of these wait. */
  hurry(readings: readonly Reading[]): void {
    this.transactions.hurry(readings.filter(isTransactional));
  }

  /** These are not ours any more. */
  left(readings: readonly Reading[]): void {
    this.transactions.left(readings.filter(isTransactional));
  }

  /** Ends the timer; a commit on demand is still possible. */
  stop(): void {
    this.committer.stop();
  }

  whenClosed(): Promise<void> {
    return this.transactions.whenClosed();
  }

  private finish(delivery: Delivery, outputs: readonly OutgoingRecord[]): Promise<void> | void {
    const { intake } = this.parts;
    const { partition } = delivery;
    if (partition instanceof Reading && isTransactional(partition)) return this.hold(partition, delivery, outputs);
    if (outputs.length === 0) return intake.finish(delivery);
    return this.finishAfter(delivery, outputs);
  }

  private hold(reading: Reading, delivery: Delivery, outputs: readonly OutgoingRecord[]): Promise<void> {
    const written = this.transactions.hold(reading, delivery, outputs);
    if (reading.held.get(Number(delivery.offset))) this.parts.intake.decided(reading, delivery);
    return written;
  }

  private async finishAfter(delivery: Delivery, outputs: readonly OutgoingRecord[]): Promise<void> {
    const { producer, options, intake } = this.parts;
    const isOpen = () => intake.isOpen(delivery);
    const sending = { clock: this.clock, timeoutMs: options.deliveryTimeoutMs, isOpen };
    if (await sendOutputs(producer, outputs, sending)) intake.finish(delivery);
  }

  private async send(positions: readonly Position[]): Promise<void> {
    const member = this.parts.member();
    if (!member) throw new ClosedError('there is no member to commit');
    await member.commit(positions);
  }

  private failed(what: string, thrown: unknown): void {
    const { context, request, wrap } = this.parts;
    context.log.warn(`Group ${request.groupId}: ${what}: ${wrap(thrown).message}`);
  }
}

function isTransactional({ transactionIntervalMs }: Reading): boolean {
  return transactionIntervalMs !== undefined;
}
