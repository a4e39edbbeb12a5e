import { settledBefore, sleep, type Deadline } from '../../core/clock.js';
import {
  BrokerUnavailableError,
  MessageTooLargeError,
  UnknownTopicError,
  type MessagingError,
} from '../../core/errors.js';
import { sizeOf, type OutgoingRecord, type SendResult } from '../../core/message.js';
import { onceATick } from '../../core/once-a-tick.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { closedConnection } from '../closed-connection.js';
import type { DriverContext } from '../driver.js';
import { tooLarge } from '../too-large.js';
import type { KafkajsAdmin } from './kafkajs.admin.js';
import { SendCall } from '../send-call.js';
import type { PendingSend } from './pending-send.js';
import type { CreateProducer } from './produce/create-producer.js';
import { SendPath } from './send-path.js';
import { TopicBuffer } from './topic-buffer.js';

/** How long a topic that is unknown is looked for: it may have been created a moment ago. */
const UNKNOWN_TOPIC_MS = 2_000;
const UNKNOWN_TOPIC_POLL_MS = 200;

export interface KafkajsProducerParts {
  readonly createProducer: CreateProducer;
  readonly admin: KafkajsAdmin;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  /** No broker took a request. */
  readonly onAway: (error: MessagingError) => void;
}

/**
 * Gathers concurrent sends into requests, since kafkajs makes one request of each `send` (10 to 15 times the CPU, measured). One
 * request is in flight at a time: that keeps the order through repeats. Topics take turns; one that waits for its linger, its
 * partitions or its next attempt holds up no other.
 */
export class KafkajsProducer {
  private readonly topics = new Map<string, TopicBuffer>();
  private readonly looking = new Set<TopicBuffer>();
  private readonly path: SendPath;
  /** The sends of one callback share a request. */
  private readonly schedule = onceATick(
    () => this.pump(),
    (pump) => process.nextTick(pump),
  );
  private inFlight: Promise<void> | undefined;
  private cancelTimer: (() => void) | undefined;
  private closed = false;
  private ended = false;

  constructor(private readonly parts: KafkajsProducerParts) {
    const { createProducer, context, options } = parts;
    this.path = new SendPath(createProducer, context, options);
  }

  get timeoutMs(): number {
    return this.parts.options.deliveryTimeoutMs;
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    const call = new SendCall(records.length);
    records.forEach((record, index) => this.accept(record, call, index, deadline));
    this.schedule();
    return call.results;
  }

  /** How many partitions a topic has; one that is unknown is looked for a while. @throws UnknownTopicError */
  async partitionsOf(topic: string): Promise<number> {
    const { clock } = this.parts.context;
    for (const end = clock.now() + UNKNOWN_TOPIC_MS; ; await sleep(clock, UNKNOWN_TOPIC_POLL_MS)) {
      try {
        return await this.parts.admin.partitionsOf(topic);
      } catch (error) {
        if (!(error instanceof UnknownTopicError) || this.ended || clock.now() >= end) throw error;
      }
    }
  }

  /** Writes what is buffered, within the deadline; what is left then was not written. */
  async close(deadline: Deadline): Promise<void> {
    this.closed = true;
    for (const topic of this.topics.values()) topic.hurry();
    this.schedule();
    await settledBefore(this.whenEmpty(deadline), deadline);
    this.ended = true;
    this.cancelTimer?.();
    for (const topic of this.topics.values())
      for (const { call, index } of topic.takeAll()) call.set(index, this.closedError());
    await settledBefore(this.path.close(), deadline);
  }

  private accept(record: OutgoingRecord, call: SendCall, index: number, deadline: number): void {
    const fault = this.closed ? this.closedError() : tooLarge(record, this.parts.options.maxMessageBytes);
    if (fault) return call.set(index, fault);
    const bytes = sizeOf(record);
    this.bufferOf(record.topic).push({
      record,
      call,
      index,
      deadline,
      bytes,
      partition: undefined,
      wasSent: false,
      alone: false,
    });
  }

  private bufferOf(topic: string): TopicBuffer {
    const known = this.topics.get(topic);
    if (known) return known;
    const { lingerMs, maxBatchSize, partitioner } = this.parts.options;
    const buffer = new TopicBuffer(topic, { lingerMs, maxBatchSize, partitioner, clock: this.parts.context.clock });
    this.topics.set(topic, buffer);
    return buffer;
  }

  private pump(): void {
    if (this.inFlight) return;
    const topic = this.nextDue();
    if (!topic) return this.setTimer();
    if (topic.partitions === undefined) {
      void this.lookUp(topic);
      return this.pump();
    }
    const batch = topic.take();
    if (batch.length === 0) return this.pump();
    this.inFlight = this.transmit(topic, batch);
  }

  /** The one whose turn it is goes to the end of the line. */
  private nextDue(): TopicBuffer | undefined {
    const now = this.parts.context.clock.now();
    for (const topic of this.topics.values()) {
      if (topic.length === 0 || topic.dueAt > now || this.looking.has(topic)) continue;
      this.topics.delete(topic.name);
      this.topics.set(topic.name, topic);
      return topic;
    }
    return undefined;
  }

  private setTimer(): void {
    const { clock } = this.parts.context;
    const waiting = [...this.topics.values()].filter((topic) => topic.length > 0 && !this.looking.has(topic));
    this.cancelTimer?.();
    if (waiting.length === 0) return;
    const at = Math.min(...waiting.map(({ dueAt }) => dueAt));
    this.cancelTimer = clock.after(Math.max(at - clock.now(), 1), () => this.pump());
  }

  private async transmit(topic: TopicBuffer, batch: readonly PendingSend[]): Promise<void> {
    try {
      const { unwritten, error } = await this.path.send(topic.name, batch);
      if (error) this.failed(topic, unwritten, error);
      else topic.putBack(unwritten, unwritten.length < batch.length ? 0 : this.parts.options.retryBackoffMs);
    } finally {
      this.inFlight = undefined;
      this.pump();
    }
  }

  private failed(topic: TopicBuffer, pending: readonly PendingSend[], error: MessagingError): void {
    if (error instanceof BrokerUnavailableError && !this.ended) this.parts.onAway(error);
    if (error.retryable && !this.ended) return this.repeat(topic, pending, error);
    if (error instanceof MessageTooLargeError && pending.length > 1) {
      for (const one of pending) one.alone = true;
      return topic.putBack(pending, 0);
    }
    if (error instanceof UnknownTopicError && topic.partitions !== undefined && !this.ended) {
      topic.partitions = undefined; // a broker that has just come back may not know it yet: it is looked up
      return this.repeat(topic, pending, error);
    }
    for (const { call, index } of pending) call.set(index, error);
  }

  private repeat(topic: TopicBuffer, pending: readonly PendingSend[], error: MessagingError): void {
    topic.putBack(topic.expire(pending, this.timeoutMs, error), this.parts.options.retryBackoffMs);
    this.parts.context.log.debug(`${pending.length} messages to topic ${topic.name} go again: ${error.message}`);
  }

  private async lookUp(topic: TopicBuffer): Promise<void> {
    this.looking.add(topic);
    try {
      topic.partitions = await this.partitionsOf(topic.name);
    } catch (error) {
      this.failed(topic, topic.takeAll(), error as MessagingError);
    }
    this.looking.delete(topic);
    this.pump();
  }

  private async whenEmpty(deadline: Deadline): Promise<void> {
    while (!deadline.signal.aborted && (this.inFlight || [...this.topics.values()].some((topic) => topic.length > 0))) {
      await (this.inFlight ?? sleep(this.parts.context.clock, 10));
    }
  }

  private closedError(): MessagingError {
    return closedConnection(this.parts.context.connection);
  }
}
