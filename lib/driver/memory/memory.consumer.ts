import { deadlineIn, sleep, type Deadline } from '../../core/clock.js';
import type { Delivery, Partition } from '../../core/delivery.js';
import type { MessagingError } from '../../core/errors.js';
import { Ledger } from '../../core/ledger.js';
import type { OutgoingRecord } from '../../core/message.js';
import { OffsetResetError } from '../../core/offset-reset.error.js';
import type { Outcome } from '../../core/outcome.js';
import { onceATick } from '../../core/once-a-tick.js';
import type { MemoryBroker } from '../../memory-broker/memory-broker.js';
import type { MemoryAssignment, MemoryMember } from '../../memory-broker/memory-group.js';
import type { MemoryLog } from '../../memory-broker/memory-topic.js';
import type { DeliverySink, DriverContext, SubscribeRequest, Subscription, TopicSubscription } from '../driver.js';
import { HeldOutcomes } from '../held-outcomes.js';
import { sendOutputs } from '../send-outputs.js';
import { toDelivery } from './memory.delivery.js';
import type { MemoryProducer } from './memory.producer.js';

const FAULT_PAUSE_MS = 100;

/** What this member knows of a partition while it has it. */
interface Reading {
  readonly log: MemoryLog;
  readonly ledger: Ledger;
  readonly subscription: TopicSubscription;
  /** Outcomes that wait for those of earlier messages, where both are to be written in one step. */
  readonly held: HeldOutcomes;
  next: number;
  paused: boolean;
  isWriting: boolean;
}

export interface ConsumerParts {
  readonly broker: MemoryBroker;
  readonly producer: MemoryProducer;
  readonly context: DriverContext;
  readonly request: SubscribeRequest;
  readonly sink: DeliverySink;
}

/** A member of a group on the embedded broker. */
export class MemoryConsumer implements Subscription, MemoryMember {
  readonly topics: readonly string[];
  private readonly readings = new Map<Partition, Reading>();
  /** Deliveries come on a later turn of the event loop, as from a socket. */
  private readonly schedule = onceATick(() => {
    for (const [partition, reading] of this.readings) this.deliver(partition, reading);
  });
  private stopping: Promise<void> | undefined;
  private givingUp: Promise<void> | undefined;
  /** Until it is called the process stays up, as with a socket to a broker. */
  private letExit: (() => void) | undefined;
  private readonly onAppend = (topic: string) => {
    if (this.topics.includes(topic)) this.schedule();
  };

  constructor(private readonly parts: ConsumerParts) {
    this.topics = parts.request.topics.map(({ topic }) => topic);
  }

  start(): void {
    this.parts.broker.events.on('append', this.onAppend);
    this.letExit = this.parts.context.clock.after(Infinity, () => {});
    void this.parts.broker.group(this.parts.request.groupId).join(this);
  }

  pause(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.setPaused(partition, true);
  }

  resume(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.setPaused(partition, false);
    this.schedule();
  }

  settle(delivery: Delivery, outcome: Outcome): Promise<void> | void {
    const fault = outcome.kind === 'release' ? undefined : this.parts.broker.takeFault('settle');
    if (fault) return this.settleAfter(fault, delivery, outcome);
    switch (outcome.kind) {
      case 'ack':
        return this.finishWith(delivery, outcome.outputs);
      case 'retryLater':
        return this.finishWith(delivery, [{ ...outcome.record, dueAt: outcome.dueAt }]);
      case 'deadLetter':
        return this.finishWith(delivery, [outcome.record]);
      case 'release':
        return this.readings.get(delivery.partition)?.held.release(Number(delivery.offset));
    }
  }

  stop(deadline: Deadline): Promise<void> {
    this.stopping ??= this.leave(deadline);
    return this.stopping;
  }

  /** The broker's call at the start of a rebalance. */
  async revoke(): Promise<void> {
    const deadline = deadlineIn(this.parts.context.clock, this.parts.request.drainTimeoutMs);
    await this.giveUp(deadline);
    deadline.cancel();
  }

  /** The broker's call at the end of a rebalance. */
  assign(assignments: readonly MemoryAssignment[]): void {
    if (this.stopping) return;
    for (const assignment of assignments) this.open(assignment);
    if (this.readings.size > 0) this.parts.sink.onAssigned([...this.readings.keys()]);
    this.schedule();
  }

  /** The broker's call when the session is over; as after a lost connection, the group is joined anew. */
  lost(): void {
    const partitions = [...this.readings.keys()];
    this.forget();
    this.parts.sink.onLost(partitions);
    if (!this.stopping) void this.parts.broker.group(this.parts.request.groupId).join(this);
  }

  private open({ topic, index, position }: MemoryAssignment): void {
    const log = this.parts.broker.topic(topic)?.logs[index];
    if (!log) return;
    const subscription = this.parts.request.topics.find((one) => one.topic === topic);
    if (!subscription) return;
    const { autoOffsetReset } = subscription;
    if (autoOffsetReset === 'none' && (position === undefined || position < log.start)) {
      const { groupId } = this.parts.request;
      const error = new OffsetResetError({
        groupId,
        topic,
        partition: index,
        position,
        start: log.start,
        end: log.end,
      });
      return this.parts.sink.onError(error, { fatal: true });
    }
    const start = Math.max(position ?? (autoOffsetReset === 'latest' ? log.end : log.start), log.start);
    if (position === undefined) this.parts.broker.commit(this.parts.request.groupId, topic, index, start);
    const fresh = { held: new HeldOutcomes(), next: start, paused: false, isWriting: false };
    this.readings.set({ topic, index }, { log, subscription, ledger: new Ledger(start), ...fresh });
  }

  private setPaused(partition: Partition, paused: boolean): void {
    const reading = this.readings.get(partition);
    if (reading) reading.paused = paused;
  }

  private deliver(partition: Partition, reading: Reading): void {
    if (reading.paused || reading.ledger.span >= reading.subscription.maxUncommitted) return;
    const records = reading.log.read(reading.next, this.parts.request.maxPollRecords);
    const last = records.at(-1);
    if (!last) return;
    reading.next = last.offset + 1;
    for (const { offset } of records) reading.ledger.receive(offset);
    this.parts.sink.onDeliveries(
      partition,
      records.map((record) => toDelivery(partition, record)),
    );
    if (reading.next < reading.log.end) this.schedule();
  }

  private finishWith(delivery: Delivery, outputs: readonly OutgoingRecord[]): Promise<void> | void {
    const reading = this.readings.get(delivery.partition);
    if (reading?.subscription.transactionIntervalMs !== undefined) {
      const written = reading.held.hold(delivery, outputs);
      void this.writeHeld(reading);
      return written;
    }
    return outputs.length === 0 ? this.finish(delivery) : this.finishAfter(delivery, outputs);
  }

  /** Outcomes in the order of their messages, each in one step with the position behind it. */
  private async writeHeld(reading: Reading): Promise<void> {
    if (reading.isWriting) return;
    reading.isWriting = true;
    const { held, ledger } = reading;
    for (let next = held.get(ledger.position); next; next = held.get(ledger.position)) {
      const fault = this.parts.producer.sendTogether(next.records);
      if (fault?.retryable) {
        await sleep(this.parts.context.clock, FAULT_PAUSE_MS);
        continue;
      }
      held.remove(next);
      if (fault) next.reject(fault);
      else {
        this.finish(next.delivery);
        next.resolve();
      }
    }
    reading.isWriting = false;
  }

  private async finishAfter(delivery: Delivery, outputs: readonly OutgoingRecord[]): Promise<void> {
    const isOpen = () => this.readings.get(delivery.partition)?.ledger.isOpen(Number(delivery.offset)) === true;
    const { clock } = this.parts.context;
    if (await sendOutputs(this.parts.producer, outputs, { clock, timeoutMs: this.parts.producer.timeoutMs, isOpen }))
      this.finish(delivery);
  }

  /** As a broker would: what fails for the moment is repeated, the rest is an error. */
  private async settleAfter(fault: MessagingError, delivery: Delivery, outcome: Outcome): Promise<void> {
    if (!fault.retryable) throw fault;
    await sleep(this.parts.context.clock, FAULT_PAUSE_MS);
    await this.settle(delivery, outcome);
  }

  private finish({ partition, offset }: Delivery): void {
    const reading = this.readings.get(partition);
    if (reading?.ledger.finish(Number(offset)) !== true) return;
    this.parts.broker.commit(this.parts.request.groupId, partition.topic, partition.index, reading.ledger.position);
    if (reading.next < reading.log.end) this.schedule();
  }

  /** A stop may fall into a rebalance: both wait for the same drain. */
  private giveUp(deadline: Deadline): Promise<void> {
    this.givingUp ??= this.drain(deadline).finally(() => (this.givingUp = undefined));
    return this.givingUp;
  }

  private async drain(deadline: Deadline): Promise<void> {
    const partitions = [...this.readings.keys()];
    for (const partition of partitions) this.setPaused(partition, true);
    if (partitions.length > 0) await this.parts.sink.onRevoking(partitions, deadline);
    this.forget();
  }

  private forget(): void {
    for (const { held } of this.readings.values()) held.drop();
    this.readings.clear();
  }

  private async leave(deadline: Deadline): Promise<void> {
    this.parts.broker.events.off('append', this.onAppend);
    this.letExit?.();
    await this.giveUp(deadline);
    await this.parts.broker.group(this.parts.request.groupId).leave(this);
  }
}
