import { settledBefore, type Deadline } from '../../core/clock.js';
import { DeliveryTimeoutError, type MessagingError } from '../../core/errors.js';
import { Fifo } from '../../core/fifo.js';
import { LinkedList } from '../../core/linked-list.js';
import { sizeOf, type OutgoingRecord, type SendResult } from '../../core/message.js';
import { onceATick } from '../../core/once-a-tick.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { closedConnection } from '../closed-connection.js';
import type { DriverContext } from '../driver.js';
import { SendCall } from '../send-call.js';
import { Sweep } from '../kafka/sweep.js';
import { tooLarge } from '../too-large.js';
import { ConfluentAdmin } from './confluent.admin.js';
import { CODE, isFatal, isTooLarge, isUnknownTopic, toMessagingError } from './confluent.errors.js';
import {
  promised,
  type ConfluentModule,
  type DeliveryReport,
  type NativeClient,
  type NativeConfig,
  type NativeError,
  type NativeProducer,
} from './confluent.native.js';
import type { KafkajsBeside } from './kafkajs-beside.js';
import { LivingProducer, METADATA_MS } from './living-producer.js';
import { NarrowTopics } from './narrow-topics.js';
import { produce } from './produce.js';
import { aloneFrom, producerConfig, withoutBatches } from './producer-config.js';
import { TopicLookup, type Pending } from './topic-lookup.js';

/**
 * librdkafka gathers, repeats and keeps the order by itself; this hands records over as fast as its queue takes them, and gives each
 * report back to the call that waits for it.
 */
export class ConfluentProducer {
  readonly admin: ConfluentAdmin;
  private readonly living: LivingProducer;
  /** Not taken by librdkafka yet. */
  private waiting = new Fifo<Pending>();
  /** With librdkafka, in the order they were handed over. */
  private readonly sent = new LinkedList<Pending>();
  private readonly lookup: TopicLookup;
  private readonly narrow: NarrowTopics;
  private readonly config: NativeConfig;
  private alone: ConfluentProducer | undefined;
  private readonly sweep: Sweep;
  private whenIdle: (() => void) | undefined;
  private closed = false;
  /** The sends of one tick are handed over together, so that they share batches. */
  private readonly schedule = onceATick(() => this.pump());

  constructor(
    private readonly confluent: ConfluentModule,
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
    private readonly kafkajs: KafkajsBeside,
  ) {
    this.config = producerConfig(options);
    this.living = new LivingProducer({
      confluent,
      config: this.config,
      options,
      context,
      onReport: (error, report) => this.onReport(error, report),
      onConnected: () => this.pump(),
      onOver: () => this.sendAgain(),
    });
    this.admin = new ConfluentAdmin(confluent, () => this.living.admin, context, kafkajs);
    this.sweep = new Sweep(context.clock, (now) => this.expire(now));
    this.lookup = new TopicLookup({
      partitionsOf: (topic) => this.partitionsOf(topic),
      onFound: (found) => this.goFirst(found),
    });
    this.narrow = new NarrowTopics({
      countOf: (topic) => [...this.sent].filter(({ record }) => record.topic === topic).length,
      sendAlone: (pending) => void this.sendAlone(pending),
      warn: (text) => context.log.warn(text),
    });
  }

  /** Undefined while it is not connected. */
  get client(): NativeClient | undefined {
    return this.living.native;
  }

  /** One attempt. @throws MessagingError */
  connect(): Promise<void> {
    return this.living.connect();
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    const call = new SendCall(records.length);
    records.forEach((record, index) =>
      this.accept({ record, call, index, deadline, previous: undefined, next: undefined }),
    );
    this.schedule();
    this.sweep.by(deadline);
    return call.results;
  }

  /** Writes what was accepted, within the deadline; of what is left then nothing is known. */
  async close(deadline: Deadline): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.living.isLast = true;
    this.pump(); // what was sent in this tick is part of what is flushed
    await settledBefore(this.drained(deadline), deadline);
    this.sweep.stop();
    for (const { call, index } of this.unanswered()) call.set(index, this.closedError());
    await this.alone?.close(deadline);
    await this.living.close(deadline);
  }

  private accept(pending: Pending): void {
    const { record, call, index } = pending;
    const fault = this.closed ? this.closedError() : tooLarge(record, this.options.maxMessageBytes);
    if (fault) return call.set(index, fault);
    this.waiting.push(pending);
  }

  private goFirst(pending: readonly Pending[]): void {
    const waiting = new Fifo<Pending>();
    for (const one of [...pending, ...this.waiting]) waiting.push(one);
    this.waiting = waiting;
    this.pump();
  }

  private pump(): void {
    for (let next = this.waiting.peek(); next && this.living.native; next = this.waiting.peek()) {
      const isDone = !next.call.isOpen(next.index) || this.lookup.joins(next) || this.narrow.takes(next);
      if (isDone || this.hand(next, this.living.native)) this.waiting.shift();
      else break; // its queue is full: the next report makes room
    }
    if (this.isIdle) this.whenIdle?.();
  }

  /** False when librdkafka's queue is full, or its producer over. */
  private hand(pending: Pending, native: NativeProducer): boolean {
    const { partition } = pending.record;
    if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0)) {
      this.lookup.add(pending);
      return true;
    }
    try {
      produce(native, pending.record, pending);
      this.sent.add(pending);
      return true;
    } catch (error) {
      const fault = error as NativeError;
      if (fault.code === CODE.queueFull) return false;
      if (isFatal(fault)) void this.living.replace(native, fault);
      else this.failed(pending, fault);
      return !isFatal(fault);
    }
  }

  private onReport(error: NativeError | null, { topic, partition, offset, opaque }: DeliveryReport): void {
    const pending = opaque as Pending;
    if (!this.sent.delete(pending)) return; // it was sent again through another producer
    if (error && isTooLarge(error) && sizeOf(pending.record) < aloneFrom(this.config))
      this.narrow.refused(pending, partition);
    else {
      if (error) this.failed(pending, error);
      else this.written(pending, { topic, partition, offset: String(offset) });
      this.narrow.reported(pending, partition, error === null);
    }
    this.pump();
  }

  private written({ call, index }: Pending, result: SendResult): void {
    this.living.status.up();
    call.set(index, result);
  }

  /** Through a producer that makes a batch of each record. */
  private async sendAlone({ record, call, index, deadline }: Pending): Promise<void> {
    const { confluent, options, context, kafkajs } = this;
    if (!this.alone) {
      this.alone = new ConfluentProducer(confluent, withoutBatches(options), context, kafkajs);
      void this.alone.living.reconnect();
    }
    const [result] = await this.alone.send([record], deadline);
    call.set(index, result as SendResult);
  }

  private failed(pending: Pending, error: NativeError): void {
    const { record, call, index } = pending;
    if (isUnknownTopic(error)) return this.lookup.add(pending);
    if (error.code !== CODE.messageTimedOut) return call.set(index, this.wrap(error, record.topic));
    call.set(index, new DeliveryTimeoutError(record.topic, this.options.deliveryTimeoutMs, 'unknown', error));
  }

  /** librdkafka itself learns of the topic by the way. */
  private async partitionsOf(topic: string): Promise<number | MessagingError> {
    try {
      const count = await this.admin.partitionsOf(topic);
      const { native } = this.living;
      if (native) await promised((done) => native.getMetadata({ topic, timeout: METADATA_MS }, done));
      return count;
    } catch (error) {
      return this.wrap(error, topic);
    }
  }

  /** What librdkafka had not answered goes again. */
  private sendAgain(): void {
    const again = [...this.sent].filter((pending) => !this.narrow.takesBack(pending));
    this.sent.clear();
    this.goFirst(again);
  }

  /** librdkafka's own timeout begins when it takes a record, which may be later than its sender means. */
  private expire(now: number): number {
    let next = Infinity;
    for (const pending of this.unanswered()) {
      const { record, call, index, deadline } = pending;
      if (deadline > now) next = Math.min(next, deadline);
      else {
        const state = this.sent.has(pending) ? 'unknown' : 'not-written';
        call.set(index, new DeliveryTimeoutError(record.topic, this.options.deliveryTimeoutMs, state));
      }
    }
    return next;
  }

  private unanswered(): Pending[] {
    const open = [...this.sent, ...this.waiting, ...this.lookup.all, ...this.narrow.waiting];
    return open.filter(({ call, index }) => call.isOpen(index));
  }

  private get isIdle(): boolean {
    const { sent, waiting, lookup, narrow } = this;
    return sent.length + waiting.length + narrow.waiting.length === 0 && lookup.isIdle;
  }

  private async drained(deadline: Deadline): Promise<void> {
    if (this.isIdle) return;
    const idle = new Promise<void>((resolve) => (this.whenIdle = resolve));
    this.living.native?.flush(Math.max(deadline.at - this.context.clock.now(), 0), () => {});
    await idle;
  }

  private wrap(thrown: unknown, topic?: string): MessagingError {
    return toMessagingError(thrown, { connection: this.context.connection, topic });
  }

  private closedError(): MessagingError {
    return closedConnection(this.context.connection);
  }
}
