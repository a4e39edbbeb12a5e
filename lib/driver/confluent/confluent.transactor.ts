import { settledBefore, settledWithin, type Deadline } from '../../core/clock.js';
import { BrokerUnavailableError } from '../../core/errors.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import type { Position } from '../kafka/group-member.js';
import {
  confirmed,
  isAboutRecord,
  TRANSACTION_TIMEOUT_MS,
  TransactionError,
  type Transactor,
} from '../kafka/transactor.js';
import { connectNative, disconnectNative } from './confluent.client.js';
import { CODE, isFatal, isFenced, isPurged, toMessagingError } from './confluent.errors.js';
import {
  promised,
  type Callback,
  type ConfluentModule,
  type NativeConsumer,
  type NativeError,
  type NativeProducer,
} from './confluent.native.js';
import { produce } from './produce.js';
import { transactionConfig } from './producer-config.js';

const ASK_AGAIN = 3;
/** Beyond the time that a call was given: `sendOffsetsToTransaction` was seen never to return after a broker had died (librdkafka 2.15.1). */
const GRACE_MS = 5_000;

export interface TransactorParts {
  readonly confluent: ConfluentModule;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  /** Whose partitions the positions are of. @throws when it may not commit any more. */
  readonly consumer: () => NativeConsumer;
  /** How many a topic has, as its brokers say now. @throws UnknownTopicError */
  readonly partitionsOf: (topic: string) => Promise<number>;
}

/** The records of one transaction: reports of an aborted one may come late. */
interface Batch {
  missing: number;
  failure: TransactionError | undefined;
  readonly end: () => void;
}

/**
 * One transactional librdkafka producer for all partitions of a member. The broker compares the group's generation with the member's
 * (KIP-447), so that a former owner's positions, and with them its outputs, are refused.
 */
export class ConfluentTransactor implements Transactor {
  private native: NativeProducer | undefined;
  private needsAbort = false;
  private needsReplacement = false;
  /** Those that are inside of a call: they must not be touched. */
  private readonly lost = new WeakSet<NativeProducer>();

  constructor(
    private readonly id: string,
    private readonly parts: TransactorParts,
  ) {}

  async fence(): Promise<void> {
    try {
      if (this.needsAbort && !this.needsReplacement) await this.abort();
      if (!this.native || this.needsReplacement) await this.replace();
    } catch (error) {
      this.needsReplacement = true;
      throw this.fault(error);
    }
  }

  async transact(records: readonly OutgoingRecord[], positions: readonly Position[]): Promise<void> {
    const { native } = this;
    if (!native) throw this.fault(new BrokerUnavailableError('there is no producer'));
    try {
      this.parts.consumer();
      await promised((done) => native.beginTransaction(done));
      this.needsAbort = true;
      await this.write(native, records);
      const consumer = this.parts.consumer(); // writing may have taken longer than its session
      const offsets = positions.map(({ offset, ...rest }) => ({ ...rest, offset: Number(offset) }));
      await this.ask(native, (done) =>
        native.sendOffsetsToTransaction(offsets, consumer, TRANSACTION_TIMEOUT_MS, done),
      );
      await this.ask(native, (done) => native.commitTransaction(TRANSACTION_TIMEOUT_MS, done));
      this.needsAbort = false;
    } catch (error) {
      throw await confirmed(this.fault(error), this.parts.partitionsOf);
    }
  }

  async close(deadline: Deadline): Promise<void> {
    const { native } = this;
    this.native = undefined;
    if (!native) return;
    await settledBefore(this.end(native), deadline); // the broker's clock ends it then
  }

  private async end(native: NativeProducer): Promise<void> {
    if (this.needsAbort && !this.needsReplacement)
      await promised((done) => native.abortTransaction(TRANSACTION_TIMEOUT_MS, done)).catch(() => {});
    await disconnectNative(native);
  }

  /** Resolves when all are reported; rejects with the first that was not written. */
  private write(native: NativeProducer, records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const batch: Batch = {
        missing: records.length,
        failure: undefined,
        end: () => (batch.failure ? reject(batch.failure) : resolve()),
      };
      for (const record of records) {
        try {
          produce(native, record, batch);
        } catch (error) {
          this.onReport(error as NativeError, batch, record.topic);
        }
      }
    });
  }

  private onReport(error: NativeError | null, batch: Batch, topic: string): void {
    if (error && !isPurged(error)) batch.failure ??= this.refusal(error, topic);
    batch.missing--;
    if (batch.missing === 0) batch.end();
  }

  private async abort(): Promise<void> {
    const { native } = this;
    if (native) await this.ask(native, (done) => native.abortTransaction(TRANSACTION_TIMEOUT_MS, done));
    this.needsAbort = false;
  }

  private async replace(): Promise<void> {
    const { confluent, options, context } = this.parts;
    const former = this.native;
    this.native = undefined;
    if (former) await disconnectNative(former);
    const native = new confluent.Producer(transactionConfig(options, this.id));
    native.on('delivery-report', (error, { topic, opaque }) => this.onReport(error, opaque as Batch, topic));
    native.on('event.error', (error) => context.log.debug(`librdkafka: ${error.message}`));
    try {
      await connectNative(native, context);
      native.setPollInBackground(true); // before the connect has ended it is a segmentation fault
      await this.ask(native, (done) => native.initTransactions(TRANSACTION_TIMEOUT_MS, done));
    } catch (error) {
      if (!this.lost.has(native)) void disconnectNative(native);
      throw error;
    }
    this.native = native;
    this.needsAbort = false;
    this.needsReplacement = false;
  }

  /** A call that may be made again where it was not answered in time: librdkafka goes on where it was. */
  private async ask(native: NativeProducer, call: (done: Callback) => void): Promise<void> {
    for (let left = ASK_AGAIN; ; left--) {
      const answer = promised(call);
      try {
        if (await settledWithin(this.parts.context.clock, answer, TRANSACTION_TIMEOUT_MS + GRACE_MS)) return;
      } catch (error) {
        if ((error as NativeError).isRetriable !== true || left === 0) throw error;
        continue;
      }
      throw this.lose(native, answer);
    }
  }

  /** Whoever takes over its id fences it. One of libuv's threads is held until the call ends, if it ever does. */
  private lose(native: NativeProducer, call: Promise<void>): BrokerUnavailableError {
    this.lost.add(native);
    if (this.native === native) this.native = undefined;
    this.needsAbort = false;
    void call.catch(() => {}).then(() => disconnectNative(native));
    const { connection } = this.parts.context;
    const text = `librdkafka did not end a call within ${TRANSACTION_TIMEOUT_MS + GRACE_MS} ms: its producer is replaced.`;
    return new BrokerUnavailableError(`Connection \`${connection}\`: ${text}`, { connection });
  }

  private refusal(error: NativeError, topic: string): TransactionError {
    const wrapped = toMessagingError(error, { connection: this.parts.context.connection, topic });
    if (isFenced(error)) return new TransactionError('fenced', wrapped);
    return new TransactionError(isAboutRecord(wrapped, [error.code]) ? 'record' : 'other', wrapped);
  }

  private fault(thrown: unknown): TransactionError {
    const native = (thrown instanceof TransactionError ? thrown.cause.cause : thrown) as NativeError | undefined;
    if (native && (isFatal(native) || native.code === CODE.state)) this.needsReplacement = true;
    if (thrown instanceof TransactionError) return thrown;
    const wrapped = toMessagingError(thrown, { connection: this.parts.context.connection });
    return new TransactionError(native && isFenced(native) ? 'fenced' : 'other', wrapped);
  }
}
