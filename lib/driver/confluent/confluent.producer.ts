import { settledBefore, type Deadline } from '../../core/clock.js';
import { ClosedError, DeliveryTimeoutError, type MessagingError } from '../../core/errors.js';
import { Fifo } from '../../core/fifo.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import { BrokerStatus } from '../kafka/broker-status.js';
import { SendCall } from '../send-call.js';
import { Sweep } from '../kafka/sweep.js';
import { tooLarge } from '../too-large.js';
import { BrokerProbe, METADATA_MS } from './broker-probe.js';
import { ConfluentAdmin } from './confluent.admin.js';
import { connectNative, disconnectNative } from './confluent.client.js';
import { CODE, eventError, isFatal, isRefusal, isUnknownTopic, toMessagingError } from './confluent.errors.js';
import {
  promised,
  type ConfluentModule,
  type DeliveryReport,
  type NativeAdmin,
  type NativeClient,
  type NativeError,
  type NativeProducer,
} from './confluent.native.js';
import type { KafkajsSettings } from './kafkajs-settings.js';
import { produce } from './produce.js';
import { producerConfig } from './producer-config.js';
import { TopicLookup, type Pending } from './topic-lookup.js';

/**
 * librdkafka gathers, repeats and keeps the order by itself; this hands records over as fast as its queue takes them, and gives each
 * report back to the call that waits for it.
 */
export class ConfluentProducer {
  readonly admin: ConfluentAdmin;
  private native: NativeProducer | undefined;
  private nativeAdmin: NativeAdmin | undefined;
  /** Not taken by librdkafka yet. */
  private waiting = new Fifo<Pending>();
  /** With librdkafka, in the order they were handed over. */
  private readonly sent = new Set<Pending>();
  private readonly lookup: TopicLookup;
  private readonly sweep: Sweep;
  private readonly status: BrokerStatus;
  private readonly probe: BrokerProbe;
  private whenIdle: (() => void) | undefined;
  private closed = false;

  constructor(
    private readonly confluent: ConfluentModule,
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
    settings: KafkajsSettings,
  ) {
    this.admin = new ConfluentAdmin(confluent, () => this.nativeAdmin, context, settings);
    this.status = new BrokerStatus(context, (thrown) => this.wrap(thrown));
    this.probe = new BrokerProbe({ clock: context.clock, status: this.status, client: () => this.native });
    this.sweep = new Sweep(context.clock, (now) => this.expire(now));
    this.lookup = new TopicLookup({
      partitionsOf: (topic) => this.partitionsOf(topic),
      onFound: (found) => {
        for (const pending of found) this.waiting.push(pending);
        this.pump();
      },
    });
  }

  /** Undefined while it is not connected. */
  get client(): NativeClient | undefined {
    return this.native;
  }

  /** One attempt. @throws MessagingError */
  async connect(): Promise<void> {
    if (this.native) return;
    const native = new this.confluent.Producer(producerConfig(this.options));
    native.on('delivery-report', (error, report) => {
      const goesAgain = error && isFatal(error) && !this.closed;
      if (goesAgain) void this.replace(native, error);
      else this.onReport(error, report);
    });
    native.on('event.error', (error) => this.onError(native, eventError(error)));
    try {
      await connectNative(native, this.context);
    } catch (error) {
      void disconnectNative(native);
      throw this.wrap(error);
    }
    native.setPollInBackground(true); // before the connect has ended it is a segmentation fault
    this.native = native;
    this.nativeAdmin = this.confluent.AdminClient.createFrom(native);
    this.pump();
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    const call = new SendCall(records.length);
    records.forEach((record, index) => this.accept({ record, call, index, deadline }));
    this.pump();
    this.sweep.by(deadline);
    return call.results;
  }

  /** Writes what was accepted, within the deadline; of what is left then nothing is known. */
  async close(deadline: Deadline): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await settledBefore(this.drained(deadline), deadline);
    this.sweep.stop();
    for (const { call, index } of this.unanswered()) call.set(index, this.closedError());
    const { native } = this;
    this.native = undefined;
    this.nativeAdmin = undefined;
    if (native) await settledBefore(disconnectNative(native), deadline);
  }

  private accept(pending: Pending): void {
    const { record, call, index } = pending;
    const fault = this.closed ? this.closedError() : tooLarge(record, this.options.maxMessageBytes);
    if (fault) return call.set(index, fault);
    if (!this.lookup.joins(pending)) this.waiting.push(pending);
  }

  private pump(): void {
    for (let next = this.waiting.peek(); next && this.native; next = this.waiting.peek()) {
      if (!next.call.isOpen(next.index) || this.hand(next, this.native)) this.waiting.shift();
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
      if (isFatal(fault)) void this.replace(native, fault);
      else this.failed(pending, fault);
      return !isFatal(fault);
    }
  }

  private onReport(error: NativeError | null, { topic, partition, offset, opaque }: DeliveryReport): void {
    const pending = opaque as Pending;
    if (!this.sent.delete(pending)) return; // it was sent again through another producer
    if (error) this.failed(pending, error);
    else {
      this.status.up();
      pending.call.set(pending.index, { topic, partition, offset: String(offset) });
    }
    this.pump();
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
      const { native } = this;
      if (native) await promised((done) => native.getMetadata({ topic, timeout: METADATA_MS }, done));
      return count;
    } catch (error) {
      return this.wrap(error, topic);
    }
  }

  private onError(native: NativeProducer, error: NativeError): void {
    if (isRefusal(error)) this.context.log.warn(this.status.down(error).message);
    if (error.code === CODE.allBrokersDown) void this.probe.ask();
    if (isFatal(error)) void this.replace(native, error);
  }

  /** After a fatal error librdkafka's producer sends nothing any more: another takes over what was not answered. */
  private async replace(native: NativeProducer, error: NativeError): Promise<void> {
    if (native !== this.native) return; // it is being replaced
    this.context.log.warn(`${this.status.down(error).message} Its successor may write messages twice.`);
    this.native = undefined;
    this.nativeAdmin = undefined;
    await disconnectNative(native);
    const again = new Fifo<Pending>();
    for (const pending of [...this.sent, ...this.waiting]) again.push(pending);
    this.sent.clear();
    this.waiting = again;
    await this.reconnect();
  }

  private async reconnect(): Promise<void> {
    if (this.closed) return;
    try {
      await this.connect();
      this.status.up();
    } catch {
      this.context.clock.after(this.options.retryBackoffMs * 10, () => void this.reconnect());
    }
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
    const open = [...this.sent, ...this.waiting, ...this.lookup.all];
    return open.filter(({ call, index }) => call.isOpen(index));
  }

  private get isIdle(): boolean {
    return this.sent.size === 0 && this.waiting.length === 0 && this.lookup.isIdle;
  }

  private async drained(deadline: Deadline): Promise<void> {
    if (this.isIdle) return;
    const idle = new Promise<void>((resolve) => (this.whenIdle = resolve));
    const { clock } = this.context;
    this.native?.flush(Math.max(deadline.at - clock.now(), 0), () => {});
    await idle;
  }

  private wrap(thrown: unknown, topic?: string): MessagingError {
    return toMessagingError(thrown, { connection: this.context.connection, topic });
  }

  private closedError(): ClosedError {
    const { connection } = this.context;
    return new ClosedError(`Connection \`${connection}\` is closed. Send before the app closes.`, { connection });
  }
}
