import { deadlineIn, settledBefore, type Clock, type Deadline } from '../core/clock.js';
import { deferred, type Deferred } from '../core/deferred.js';
import type { Delivery, Partition } from '../core/delivery.js';
import type { MessagingError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { ACK, RELEASE, type Outcome } from '../core/outcome.js';
import type { Driver, SubscribeRequest, Subscription } from '../driver/driver.js';
import { StaleDeliveryError } from '../pipeline/errors.js';
import type { Serializer } from '../serialization/serializer.js';
import { readValue } from './read-value.js';
import { StreamMessage } from './stream-message.js';
import { inOneOf, oneOf, StreamQueue, type Waiting, type Which } from './stream-queue.js';
import { isForAnother, unreadable } from './unreadable.js';

export interface StreamParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly serializer: Serializer;
  readonly request: SubscribeRequest;
  readonly maxInFlight: number;
  readonly initialDelayMs: number;
  readonly hasPartitions: boolean;
  readonly onClosed: () => void;
}

/**
 * The messages of some topics, one after the other, without any decorator; made by `ConsumerService.open`. It is a member of its group of
 * its own. Leaving the loop, in whatever way, closes it and gives back what was not acknowledged.
 *
 * @example
 * ```ts
 * for await (const message of stream) {
 *   await handle(message.value);
 *   await stream.ack(message);
 * }
 * ```
 */
export class MessageStream<Value = unknown, Key = string> implements AsyncIterableIterator<StreamMessage<Value, Key>> {
  private readonly queue = new StreamQueue();
  private readonly origin = new WeakMap<StreamMessage<Value, Key>, Delivery>();
  private subscription: Subscription | undefined;
  private partitions: readonly Partition[] = [];
  private isPaused = false;
  private wake: Deferred<void> | undefined;
  private acked: Deferred<void> | undefined;
  private end: { readonly error?: Error } | undefined;
  private isClosing = false;
  private closing: Promise<void> | undefined;

  /** @internal */
  constructor(private readonly parts: StreamParts) {}

  /** @internal */
  start(driver: Driver): void {
    this.subscription = driver.subscribe(this.parts.request, {
      onAssigned: (partitions) => this.onAssigned(partitions),
      onDeliveries: (_partition, deliveries) => this.onDeliveries(deliveries),
      onRevoking: (partitions, deadline) => this.onRevoking(partitions, deadline),
      onLost: (partitions) => this.forget(partitions),
      onTaken: (_partition, deliveries) => this.drop(oneOf(deliveries)),
      onError: (error, { fatal }) => this.onError(error, fatal),
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next message; it waits while `maxInFlight` messages are not acknowledged. @throws MessagingError when the stream cannot go on. */
  async next(): Promise<IteratorResult<StreamMessage<Value, Key>, undefined>> {
    for (;;) {
      if (this.end?.error) throw this.end.error;
      if (this.end) return { done: true, value: undefined };
      const message = await this.take();
      if (message) return { done: false, value: message };
      if (this.end) continue; // it came while one was read
      this.wake ??= deferred();
      await this.wake.promise;
    }
  }

  /** The loop was left. */
  async return(): Promise<IteratorResult<StreamMessage<Value, Key>, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /**
   * The message is handled. Resolves when it is settled.
   * @throws StaleDeliveryError when it was acknowledged or given back before, or went to another member.
   */
  async ack(message: StreamMessage<Value, Key>): Promise<void> {
    const { delivery } = this.takeBack(message);
    await this.subscription?.settle(delivery, ACK);
    this.acknowledged();
  }

  /**
   * The message is not handled: it comes again after `initialDelayMs`, before what is new.
   * @throws StaleDeliveryError when it was acknowledged or given back before, or went to another member.
   */
  async nack(message: StreamMessage<Value, Key>): Promise<void> {
    const { clock, initialDelayMs } = this.parts;
    this.queue.delay(this.takeBack(message), (due) =>
      clock.after(initialDelayMs, () => {
        due();
        this.notify();
      }),
    );
    this.acknowledged();
  }

  /** Gives back what was not acknowledged, and leaves the group. May be called twice. */
  close(): Promise<void> {
    this.finish();
    this.closing ??= this.leave();
    return this.closing;
  }

  /** Ends the loop, waits for what is handed out until the deadline, and closes. @internal */
  async drain(deadline: Deadline): Promise<void> {
    this.finish();
    await this.whenAcked(this.partitions, deadline);
    this.closing ??= this.leave(deadline);
    await this.closing;
  }

  private onAssigned(partitions: readonly Partition[]): void {
    this.partitions = [...this.partitions, ...partitions];
    if (this.end || this.isPaused) this.subscription?.pause(partitions);
  }

  private onDeliveries(deliveries: readonly Delivery[]): void {
    if (this.end) return this.release(deliveries);
    this.queue.push(deliveries);
    if (!this.isPaused && this.queue.waiting >= this.parts.maxInFlight) {
      this.isPaused = true;
      this.subscription?.pause(this.partitions);
    }
    this.notify();
  }

  private async onRevoking(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    this.release(this.queue.dropIdle(inOneOf(partitions)));
    if (!this.isClosing) await this.whenAcked(partitions, deadline);
    this.release(this.queue.dropHandedOut(inOneOf(partitions)));
    this.forget(partitions);
  }

  private drop(which: Which): void {
    this.queue.dropIdle(which);
    this.queue.dropHandedOut(which);
    this.acknowledged();
  }

  private onError(error: MessagingError, fatal: boolean): void {
    const { log, request } = this.parts;
    if (!fatal) return log.warn(`Stream of group ${request.groupId}: ${error.message}`);
    log.error(`Stream of group ${request.groupId} ended: ${error.message}`);
    this.finish(error);
  }

  private async take(): Promise<StreamMessage<Value, Key> | undefined> {
    for (;;) {
      if (this.queue.handedOut >= this.parts.maxInFlight) return undefined;
      const waiting = this.queue.take();
      if (!waiting) return undefined;
      this.resumeIfRoom();
      const message = await this.read(waiting);
      if (message) return message;
    }
  }

  /** Undefined for what is not for the user: a message for another group, or bytes that nobody can read. */
  private async read({ delivery, attempt }: Waiting): Promise<StreamMessage<Value, Key> | undefined> {
    const { parts } = this;
    if (isForAnother(delivery, parts.request.groupId)) return this.pass(delivery, ACK);
    const read = await readValue(delivery, parts, () => this.end !== undefined);
    if (read === 'postponed') return this.pass(delivery, RELEASE);
    if ('error' in read) return this.pass(delivery, unreadable({ delivery, attempt }, read.error, parts));
    const message = new StreamMessage(delivery, read.value as Value, attempt, read.key as Key | undefined);
    this.origin.set(message, delivery);
    return message;
  }

  private async pass(delivery: Delivery, outcome: Outcome): Promise<undefined> {
    this.queue.takeBack(delivery);
    await this.subscription?.settle(delivery, outcome);
    this.acknowledged();
  }

  private takeBack(message: StreamMessage<Value, Key>): Waiting {
    const delivery = this.origin.get(message);
    const waiting = delivery && this.queue.takeBack(delivery);
    if (waiting) return waiting;
    const { topic, partition, offset } = message;
    const text = `${topic}/${partition} offset ${offset} is not yours to settle: it was settled or given back before, or went to another member.`;
    throw new StaleDeliveryError(text, { topic, partition, offset });
  }

  private acknowledged(): void {
    this.acked?.resolve();
    this.acked = undefined;
    this.notify();
  }

  private notify(): void {
    this.wake?.resolve();
    this.wake = undefined;
  }

  private resumeIfRoom(): void {
    if (!this.isPaused || this.end || this.queue.waiting > this.parts.maxInFlight / 2) return;
    this.isPaused = false;
    this.subscription?.resume(this.partitions);
  }

  private release(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) void this.subscription?.settle(delivery, RELEASE);
  }

  private forget(partitions: readonly Partition[]): void {
    this.partitions = this.partitions.filter((own) => !partitions.includes(own));
    this.drop(inOneOf(partitions));
    this.resumeIfRoom();
  }

  private async whenAcked(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    while (this.queue.hasHandedOut(inOneOf(partitions)) && !this.isClosing && !deadline.signal.aborted) {
      this.acked ??= deferred();
      await settledBefore(this.acked.promise, deadline);
    }
  }

  private finish(error?: Error): void {
    this.end ??= error ? { error } : {};
    this.subscription?.pause(this.partitions);
    this.notify();
  }

  private async leave(deadline?: Deadline): Promise<void> {
    this.isClosing = true;
    this.acknowledged();
    const { clock, request } = this.parts;
    const own = deadline ?? deadlineIn(clock, request.drainTimeoutMs);
    await this.subscription?.stop(own);
    if (!deadline) own.cancel();
    this.parts.onClosed();
  }
}
