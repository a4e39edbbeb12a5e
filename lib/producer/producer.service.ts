import { allOf } from '../core/all-of.js';
import { settledWithin, type Clock } from '../core/clock.js';
import { BufferFullError, DeliveryTimeoutError, MessagingError, SendBatchError, toError } from '../core/errors.js';
import { events } from '../core/events.js';
import { sizeOf, type OutgoingRecord, type SendResult, type SentRecord } from '../core/message.js';
import type { Connection } from '../connection/connection.js';
import type { Driver } from '../driver/driver.js';
import { topicNameOf, type TopicClass, type TopicRef } from '../topic/topic.js';
import { checkFeatures } from './check-features.js';
import { EncodeOrder } from './encode-order.js';
import type { FailureReport } from './failure-report.js';
import type { PendingBuffer } from './pending-buffer.js';
import type { SendAvroRequest, SendBatchRequest, SendRequest } from './send-request.js';
import { toRecord, type Encoding } from './to-record.js';

export interface ProducerStats {
  /** Messages that the broker acknowledged. */
  readonly sent: number;
  /** Messages that were not written, the dropped ones included. */
  readonly failed: number;
  /** Messages that `sendFireAndForget` dropped because the buffer was full. */
  readonly dropped: number;
  readonly pendingMessages: number;
  readonly pendingBytes: number;
}

/** What a sender gets. @throws what was not written. */
type Ending<Answer> = (results: readonly SendResult[], records: readonly OutgoingRecord[]) => Answer;

export interface ProducerParts {
  readonly connection: () => Connection;
  readonly buffer: PendingBuffer;
  readonly failures: FailureReport;
  readonly clock: Clock;
}

/**
 * Sends messages over one connection. Injected by class it is the default connection's; `@InjectProducer(name)` gives another's.
 *
 * @example
 * ```ts
 * constructor(private readonly producer: ProducerService) {}
 * await this.producer.send({ topic: 'orders', message: { id: 1 }, key: 'customer-7', headers: { source: 'web' } });
 * ```
 */
export class ProducerService {
  private sent = 0;
  private failed = 0;
  private dropped = 0;
  private readonly order = new EncodeOrder();

  /** @internal */
  constructor(private readonly parts: ProducerParts) {}

  /**
   * Sends one message and waits for the broker's acknowledgement, at most `deliveryTimeoutMs`.
   *
   * @throws SerializationError or ValidationError before anything leaves, or another MessagingError when the message was not written.
   */
  send<T extends TopicRef>(request: SendRequest<T>): Promise<SentRecord> {
    try {
      return this.writeOne(request);
    } catch (error) {
      return Promise.reject(toError(error));
    }
  }

  /**
   * Sends one message as Avro, whatever the topic's format is.
   *
   * @throws SerializationError when there is no schema, or the message does not fit it; SchemaRegistryError when the registry refuses.
   */
  async sendAvro<T extends TopicRef>(request: SendAvroRequest<T>): Promise<SentRecord> {
    const { topic, message, schema } = request;
    const serializer = message === null ? undefined : this.formats.avro(topic, message, schema);
    return this.writeOne(request, serializer);
  }

  /**
   * Sends messages to one topic; the results have the order of the input. All are encoded before the first leaves.
   *
   * @throws SerializationError or ValidationError when a message cannot be encoded: nothing was sent.
   * @throws SendBatchError when some were not written; its `results` tell which.
   */
  async sendBatch<T extends TopicClass>(request: SendBatchRequest<T>): Promise<SentRecord[]>;
  async sendBatch<Message>(request: SendBatchRequest<string, Message>): Promise<SentRecord[]>;
  async sendBatch(request: SendBatchRequest): Promise<SentRecord[]> {
    const records = await this.encodeAll(request);
    return records.length === 0 ? [] : this.write(records, allWritten);
  }

  /**
   * Sends one message without waiting. A failure is counted, logged and published as `messaging:send-failed`; when the buffer is full
   * the message is dropped, which is such a failure.
   *
   * @throws SerializationError at once when the message cannot be encoded. Where the topic validates or asks a registry, that is known only
   * later, and counts as such a failure too.
   */
  sendFireAndForget<T extends TopicRef>(request: SendRequest<T>): void {
    const record = this.encode(request, request);
    if (record instanceof Promise) void this.forgetLater(record, topicNameOf(request.topic));
    else this.forgetOrDrop(record);
  }

  /** What was sent since the start, and what waits. */
  stats(): ProducerStats {
    const { messages, bytes } = this.parts.buffer;
    const { sent, failed, dropped } = this;
    return { sent, failed, dropped, pendingMessages: messages, pendingBytes: bytes };
  }

  private get formats(): Encoding['formats'] {
    return this.parts.connection().formats;
  }

  private encode(
    options: SendRequest,
    { message, key }: { readonly message: unknown; readonly key?: unknown },
    serializer?: Encoding['serializer'],
  ): OutgoingRecord | Promise<OutgoingRecord> {
    const record = toRecord(message, key, options, {
      formats: this.formats,
      serializer,
      now: options.delayMs === undefined ? 0 : this.parts.clock.now(),
    });
    const checked = record instanceof Promise ? record.then((encoded) => this.checked(encoded)) : this.checked(record);
    return this.order.next(topicNameOf(options.topic), checked);
  }

  private encodeAll(request: SendBatchRequest): readonly OutgoingRecord[] | Promise<readonly OutgoingRecord[]> {
    const { messages, key, topic } = request;
    const keyOf = typeof key === 'function' ? key : () => key;
    const encoding = { formats: this.formats, now: this.parts.clock.now() };
    const records = allOf(
      messages.map((message, index) => toRecord(message, keyOf(message, index), request, encoding)),
    );
    const check = (encoded: readonly OutgoingRecord[]) => encoded.map((record) => this.checked(record));
    return this.order.next(topicNameOf(topic), records instanceof Promise ? records.then(check) : check(records));
  }

  private writeOne(request: SendRequest, serializer?: Encoding['serializer']): Promise<SentRecord> {
    const record = this.encode(request, request, serializer);
    return record instanceof Promise
      ? record.then((encoded) => this.write([encoded], firstWritten))
      : this.write([record], firstWritten);
  }

  private async forgetLater(encoding: Promise<OutgoingRecord>, topic: string): Promise<void> {
    try {
      this.forgetOrDrop(await encoding);
    } catch (error) {
      this.failed++;
      this.parts.failures.report(topic, error as MessagingError);
    }
  }

  private forgetOrDrop(record: OutgoingRecord): void {
    const bytes = sizeOf(record);
    if (this.parts.buffer.tryEnter(1, bytes)) void this.forget(record, bytes);
    else this.drop(record);
  }

  private checked(record: OutgoingRecord): OutgoingRecord {
    return checkFeatures(record, this.parts.connection());
  }

  private write<Answer>(records: readonly OutgoingRecord[], answer: Ending<Answer>): Promise<Answer> {
    const { buffer } = this.parts;
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    const deadline = this.deadline();
    if (buffer.tryEnter(records.length, bytes)) return this.transmit(records, { bytes, deadline, answer });
    return buffer.enter(records.length, bytes).then(() => this.transmit(records, { bytes, deadline, answer }));
  }

  /** Who hears of a failure may send again: the message has left the buffer by then. */
  private async forget(record: OutgoingRecord, bytes: number): Promise<void> {
    const first: Ending<SendResult | undefined> = ([result]) => result;
    const result = await this.transmit([record], { bytes, deadline: this.deadline(), answer: first });
    if (result instanceof MessagingError) this.parts.failures.report(record.topic, result);
  }

  private drop(record: OutgoingRecord): void {
    this.dropped++;
    this.failed++;
    const { messages } = this.parts.buffer;
    const text = `Message to topic \`${record.topic}\` was dropped: ${messages} messages wait to be sent. Raise \`maxPendingMessages\`, or use \`send\`, which waits.`;
    this.parts.failures.report(record.topic, new BufferFullError(text, { topic: record.topic }));
  }

  /** What has entered the buffer. What becomes of the results is told here, since each further promise of a send costs as much as its encoding. */
  private async transmit<Answer>(
    records: readonly OutgoingRecord[],
    { bytes, deadline, answer }: { readonly bytes: number; readonly deadline: number; readonly answer: Ending<Answer> },
  ): Promise<Answer> {
    const start = events.sent.hasSubscribers ? performance.now() : undefined;
    try {
      const ready = this.parts.connection().ready();
      const driver = ready instanceof Promise ? await this.driverBefore(deadline, ready, records) : ready;
      const results =
        driver instanceof MessagingError ? records.map(() => driver) : await driver.send(records, deadline);
      let failed = 0;
      for (const result of results) if (result instanceof MessagingError) failed++;
      if (start !== undefined) this.publish(records, failed, performance.now() - start);
      this.failed += failed;
      this.sent += results.length - failed;
      return answer(results, records);
    } finally {
      this.parts.buffer.leave(records.length, bytes);
    }
  }

  private publish(records: readonly OutgoingRecord[], failed: number, durationMs: number): void {
    const connection = this.parts.connection().name;
    const topic = records[0]?.topic ?? '';
    events.sent.publish({ connection, topic, count: records.length, failed, durationMs });
  }

  private deadline(): number {
    return this.parts.clock.now() + this.parts.connection().settings.options.deliveryTimeoutMs;
  }

  /** The driver, or why there is none in time. */
  private async driverBefore(
    at: number,
    ready: Promise<Driver>,
    [first]: readonly OutgoingRecord[],
  ): Promise<Driver | MessagingError> {
    const { clock } = this.parts;
    try {
      if (await settledWithin(clock, ready, at - clock.now())) return await ready;
      const { deliveryTimeoutMs } = this.parts.connection().settings.options;
      return new DeliveryTimeoutError(first?.topic ?? '', deliveryTimeoutMs, 'not-written');
    } catch (error) {
      return error as MessagingError;
    }
  }
}

function firstWritten([result]: readonly SendResult[]): SentRecord {
  if (result instanceof MessagingError) throw result;
  return result as SentRecord;
}

function allWritten(results: readonly SendResult[], [first]: readonly OutgoingRecord[]): SentRecord[] {
  if (results.some((result) => result instanceof MessagingError)) throw new SendBatchError(first?.topic ?? '', results);
  return results as SentRecord[];
}
