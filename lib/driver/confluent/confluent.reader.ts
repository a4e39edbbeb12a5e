import { settledWithin } from '../../core/clock.js';
import { groupBy } from '../../core/group-by.js';
import type { ReadRequest, ReadSink, TopicReader } from '../broker-admin.js';
import { connectNative, disconnectNative } from './confluent.client.js';
import type { AdminClientParts } from './confluent.admin-client.js';
import { toDelivery } from './confluent.delivery.js';
import { CODE, eventError, isFatal, toMessagingError } from './confluent.errors.js';
import type { NativeConsumer, NativeError, NativeMessage, NativePosition } from './confluent.native.js';
import { consumerConfig } from './consumer-config.js';
import { assertBounded } from './decompression-bound.js';
import { PollLoop } from './poll-loop.js';

const MAX_MESSAGES = 500;
const CLOSE_MS = 5_000;

export interface ReaderParts extends AdminClientParts {
  readonly request: ReadRequest;
  readonly sink: ReadSink;
}

/** librdkafka reads what it is assigned without joining any group, so there is nothing to leave. */
export class ConfluentReader implements TopicReader {
  private readonly consumer: NativeConsumer;
  private readonly loop: PollLoop;
  private readonly running: Promise<void>;
  private isPaused = false;
  private hasFailed = false;
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: ReaderParts) {
    const { confluent, options, request, context } = parts;
    const topics = [{ topic: request.topic, autoOffsetReset: 'earliest', maxUncommitted: 1, maxInFlight: 1 }] as const;
    const asked = { groupId: request.groupId, topics, maxPollRecords: MAX_MESSAGES, drainTimeoutMs: 0 };
    const config = consumerConfig(options, asked, { queue_non_empty_cb: () => this.loop.wake() });
    this.consumer = new confluent.KafkaConsumer(config.client, config.topic);
    this.consumer.setDefaultConsumeTimeout(0); // a consume that waits would hold one of the four threads of libuv
    this.consumer.on('event.error', (error) => this.onError(eventError(error)));
    this.loop = new PollLoop({
      consumer: this.consumer,
      clock: context.clock,
      max: MAX_MESSAGES,
      onMessages: (messages, ends) => this.onMessages(messages, ends),
      onError: (error) => this.onError(error),
    });
    this.running = this.run();
  }

  pause(): void {
    this.isPaused = true;
    if (this.loop.isRunning) this.consumer.pause(this.partitions);
  }

  resume(): void {
    this.isPaused = false;
    if (this.loop.isRunning) this.consumer.resume(this.partitions);
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private get partitions(): NativePosition[] {
    const { topic, from } = this.parts.request;
    return from.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }));
  }

  private async run(): Promise<void> {
    try {
      await assertBounded([this.parts.request.topic], this.parts);
      if (this.closing) return;
      await connectNative(this.consumer, this.parts.context);
      if (this.closing) return;
      this.consumer.assign(this.partitions);
      this.loop.start();
      if (this.isPaused) this.pause();
    } catch (error) {
      this.failed(error);
    }
  }

  private onMessages(messages: readonly NativeMessage[], ends: readonly NativePosition[]): void {
    if (this.closing) return;
    const { topic } = this.parts.request;
    for (const [index, own] of groupBy(messages, ({ partition }) => partition)) {
      const partition = { topic, index };
      const offset = String((own.at(-1)?.offset ?? 0) + 1);
      this.parts.sink.onRead(
        own.map((message) => toDelivery(partition, message)),
        { partition: index, offset },
      );
    }
    for (const { partition, offset = 0 } of ends) this.parts.sink.onRead([], { partition, offset: String(offset) });
  }

  /** librdkafka mends what it can by itself. */
  private onError(error: NativeError): void {
    if (this.closing) return;
    if (isFatal(error) || error.code > 0 || error.code === CODE.badCompression) return this.failed(error);
    const { message } = toMessagingError(error, { connection: this.parts.context.connection });
    if (error.code === CODE.allBrokersDown)
      this.parts.context.log.warn(`Reading is interrupted, and goes on by itself: ${message}`);
  }

  private failed(error: unknown): void {
    const { connection } = this.parts.context;
    if (this.closing || this.hasFailed) return;
    this.hasFailed = true;
    this.parts.sink.onError(toMessagingError(error, { connection, topic: this.parts.request.topic }));
  }

  private async end(): Promise<void> {
    await this.running;
    await this.loop.stop();
    await settledWithin(this.parts.context.clock, disconnectNative(this.consumer), CLOSE_MS);
  }
}
