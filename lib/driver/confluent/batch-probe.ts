import { settledWithin } from '../../core/clock.js';
import { deferred } from '../../core/deferred.js';
import type { DriverContext, SubscribeRequest } from '../driver.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { TopicPartition } from '../kafka/group-member.js';
import { connectNative, disconnectNative } from './confluent.client.js';
import { CODE } from './confluent.errors.js';
import type { ConfluentModule, NativeConsumer, NativeError } from './confluent.native.js';
import { consumerConfig } from './consumer-config.js';
import { PollLoop } from './poll-loop.js';

/** One batch a fetch: a broker always sends the first whole. A batch that failed is not waited for before the next try. */
const ONE_BATCH = { 'fetch.message.max.bytes': 1, 'queued.min.messages': 1, 'fetch.error.backoff.ms': 1 };

/** An answer that does not come by then tells of nothing wrong. */
const ANSWER_MS = 5_000;

export interface ProbeParts {
  readonly confluent: ConfluentModule;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly request: SubscribeRequest;
}

/** A consumer beside the group's, which tells whether what lies at an offset can be decompressed. */
export class BatchProbe {
  private readonly consumer: NativeConsumer;
  private readonly loop: PollLoop;
  private readonly connected: Promise<void>;
  private answer = deferred<boolean>();
  private isClosed = false;

  constructor(private readonly parts: ProbeParts) {
    const { confluent, options, context, request } = parts;
    const { client, topic } = consumerConfig(options, request, { queue_non_empty_cb: () => this.loop.wake() });
    this.consumer = new confluent.KafkaConsumer({ ...client, ...ONE_BATCH }, topic);
    this.consumer.setDefaultConsumeTimeout(0);
    this.loop = new PollLoop({
      consumer: this.consumer,
      clock: context.clock,
      max: 1,
      onMessages: () => this.answer.resolve(true),
      onError: (error) => this.onError(error),
    });
    this.connected = connectNative(this.consumer, context).then(() => this.loop.start());
  }

  /** Also an offset behind the last message is; and any when the probe is closed. */
  async isReadable({ topic, partition }: TopicPartition, offset: number): Promise<boolean> {
    await this.connected;
    if (this.isClosed) return true;
    const answer = (this.answer = deferred<boolean>());
    await this.loop.between(() => this.consumer.assign([{ topic, partition, offset }]));
    const isAnswered = await settledWithin(this.parts.context.clock, answer.promise, ANSWER_MS);
    await this.loop.between(() => this.consumer.unassign()); // nothing more is read, nor any answer left for the next question
    return isAnswered ? answer.promise : true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.answer.resolve(true);
    await this.connected.catch(() => {}); // told to who asked
    await this.loop.stop();
    await disconnectNative(this.consumer);
  }

  /** librdkafka mends the others by itself. */
  private onError({ code }: NativeError): void {
    if (code === CODE.badCompression) this.answer.resolve(false);
  }
}
