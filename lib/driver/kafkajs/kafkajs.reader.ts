import type { Batch, Consumer, Kafka } from 'kafkajs';
import { ClosedError, type MessagingError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { ReadRequest, ReadSink, TopicReader } from '../broker-admin.js';
import type { DriverContext } from '../driver.js';
import { registerCodecs } from './codecs/register-codecs.js';
import type { KafkajsModule } from './kafkajs.client.js';
import { toMessagingError } from './kafkajs.errors.js';
import { hookedAssigner, type MemberHooks } from './kafkajs.hooks.js';
import type { StandIn } from './kafkajs.internals.js';

const MAX_WAIT_MS = 250;

export interface ReaderParts {
  readonly kafkajs: KafkajsModule;
  readonly client: Kafka;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly request: ReadRequest;
  readonly sink: ReadSink;
  /** Deletes the group that was joined. */
  readonly forget: () => Promise<unknown>;
}

/**
 * kafkajs cannot read without a group. This one joins a group of its own, alone, never commits, and deletes it at the end; positions are
 * set with each join, as the group has none.
 */
export class KafkajsReader implements TopicReader {
  private readonly consumer: Consumer;
  private readonly next: Map<number, string>;
  private readonly running: Promise<void>;
  private isPaused = false;
  private hasJoined = false;
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: ReaderParts) {
    const { client, kafkajs, options, request } = parts;
    this.next = new Map(request.from.map(({ partition, offset }) => [partition, offset]));
    this.consumer = client.consumer({
      groupId: request.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      maxWaitTimeInMs: MAX_WAIT_MS,
      allowAutoTopicCreation: false,
      partitionAssigners: [hookedAssigner(kafkajs, this.hooks())],
      retry: { restartOnFailure: async (error) => this.mayGoOn(error) },
      ...options.native,
    });
    this.listen();
    this.running = this.run();
  }

  pause(): void {
    this.isPaused = true;
    this.applyPause();
  }

  resume(): void {
    this.isPaused = false;
    this.applyPause();
  }

  close(): Promise<void> {
    this.closing ??= this.leave();
    return this.closing;
  }

  /** The one door to kafkajs' fetch, through which aborted records are left out. */
  private hooks(): MemberHooks {
    const { kafkajs, options, context } = this.parts;
    return {
      bound: {
        codecs: registerCodecs(kafkajs),
        maxBytes: options.maxDecompressedBytes,
        onOversized: ({ message }) => context.log.warn(message),
      },
      next: (_, asked) => asked,
      handOver: () => true, // when kafkajs takes note of it, with `take`
      generation: () => 0,
      maxWaitMs: () => MAX_WAIT_MS,
      onCluster: () => {},
      beforeJoin: async () => {},
      beforePositions: async () => {},
      startPositions: async (committed) => committed,
      beforeFetch: async () => {},
      assertAlive: () => {
        if (this.closing && !this.hasJoined) throw new ClosedError('this reader is closed');
      },
    };
  }

  private listen(): void {
    const { GROUP_JOIN, CRASH } = this.consumer.events;
    this.consumer.on(GROUP_JOIN, ({ payload }) => {
      this.hasJoined = true;
      const { topic } = this.parts.request;
      const assigned = payload.memberAssignment[topic] ?? [];
      this.consumer.pause([{ topic, partitions: assigned.filter((partition) => !this.next.has(partition)) }]);
      for (const [partition, offset] of this.next) this.consumer.seek({ topic, partition, offset });
      if (this.isPaused) this.applyPause();
    });
    this.consumer.on(CRASH, ({ payload: { error, restart } }) => {
      if (!restart) this.failed(error);
    });
  }

  private async run(): Promise<void> {
    try {
      await this.consumer.connect();
      await this.consumer.subscribe({ topics: [this.parts.request.topic], fromBeginning: true });
      await this.consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => this.take(batch) });
    } catch (error) {
      this.failed(error);
    }
  }

  private take(batch: Batch): void {
    const partition = { topic: batch.topic, index: batch.partition };
    const offset = String(Number(batch.lastOffset()) + 1);
    this.next.set(batch.partition, offset);
    if (this.closing) return;
    const [{ records }] = batch.messages as unknown as [StandIn];
    const deliveries = Array.from({ length: records.count }, (_, index) => records.at(index, partition));
    this.parts.sink.onRead(deliveries, { partition: batch.partition, offset });
  }

  /** As when a server restarts, or loads its groups. Where it goes on is set with the next join. */
  private mayGoOn(error: Error): boolean {
    const { message, retryable } = this.wrap(error);
    if (this.closing || !retryable) return false;
    if (this.hasJoined) this.parts.context.log.warn(`Reading is interrupted, and goes on by itself: ${message}`);
    return true;
  }

  private failed(error: unknown): void {
    if (!this.closing) this.parts.sink.onError(this.wrap(error));
  }

  private wrap(error: unknown): MessagingError {
    const { connection } = this.parts.context;
    return toMessagingError(error, { connection, topic: this.parts.request.topic });
  }

  private applyPause(): void {
    if (!this.hasJoined || this.closing) return;
    const topics = [{ topic: this.parts.request.topic, partitions: [...this.next.keys()] }];
    if (this.isPaused) this.consumer.pause(topics);
    else this.consumer.resume(topics);
  }

  private async leave(): Promise<void> {
    await this.running;
    await this.consumer.disconnect();
    await this.parts
      .forget()
      .catch((error: Error) => this.parts.context.log.debug(`group not deleted: ${error.message}`));
  }
}
