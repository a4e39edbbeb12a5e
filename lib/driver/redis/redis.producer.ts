import type { Redis } from 'ioredis';
import { settledBefore, settledWithin, sleep, type Deadline } from '../../core/clock.js';
import {
  DeliveryTimeoutError,
  MessagingError,
  UnknownPartitionError,
  UnsupportedByBrokerError,
} from '../../core/errors.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import { partitionOf } from '../../core/murmur2.js';
import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import { closedConnection } from '../closed-connection.js';
import type { DriverContext } from '../driver.js';
import { SendCall } from '../send-call.js';
import { tooLarge } from '../too-large.js';
import { sendOnceScript } from './lua/send.js';
import { toMessagingError } from './redis.errors.js';
import { MessageIds } from './message-ids.js';
import type { Mover } from './mover.js';
import type { EntryFormat } from './redis.fields.js';
import type { RedisKeys } from './redis.keys.js';
import { evaluate } from './redis.scripts.js';
import type { RedisTopic, RedisTopics } from './redis.topics.js';
import { StreamWriter } from './stream-writer.js';

export interface ProducerParts {
  readonly client: Redis;
  readonly topics: RedisTopics;
  readonly keys: RedisKeys;
  readonly format: EntryFormat;
  readonly options: ResolvedRedisOptions;
  readonly context: DriverContext;
  readonly mover: Mover;
}

const PAUSE_MS = 100;

/** A record and who waits for it. */
interface Sending {
  readonly record: OutgoingRecord;
  readonly call: SendCall;
  readonly index: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** Writes to the streams of Redis. */
export class RedisProducer {
  private readonly writers = new Map<string, StreamWriter>();
  private readonly ids = new MessageIds();
  private nextPartition = 0;
  private openCalls = 0;
  private whenIdle: (() => void) | undefined;
  private closed = false;
  private ended = false;

  constructor(private readonly parts: ProducerParts) {}

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    this.openCalls++;
    const call = new SendCall(records.length, this.onEnd);
    records.forEach((record, index) => {
      if (this.closed) call.set(index, this.closedError());
      else this.place({ record, call, index, deadline });
    });
    return call.results;
  }

  /** Where a record goes; outputs that are settled with their input are placed here too. @throws MessagingError */
  placed(record: OutgoingRecord, topic: RedisTopic): number {
    const fault = this.faultOf(record, topic);
    if (fault) throw fault;
    return record.partition ?? this.choosePartition(record, topic);
  }

  fieldsOf(record: OutgoingRecord): (string | Buffer)[] {
    const { format, context } = this.parts;
    return format.write(record, this.ids.next(context.clock.now()));
  }

  /** Writes what is buffered, within the deadline; what is left then was not acknowledged. */
  async close(deadline: Deadline): Promise<void> {
    this.closed = true;
    await settledBefore(this.idle(), deadline);
    this.ended = true;
    for (const writer of this.writers.values()) writer.abandon(this.closedError());
    this.parts.client.disconnect();
  }

  private readonly onEnd = (): void => {
    this.openCalls--;
    if (this.openCalls === 0) this.whenIdle?.();
  };

  private async idle(): Promise<void> {
    if (this.openCalls > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }

  /** At once where the topic is known, so that the order of the calls is that of the writes. */
  private place(sending: Sending): void {
    const topic = this.parts.topics.get(sending.record.topic);
    if (topic instanceof Promise) void this.afterLookUp(topic, sending);
    else this.write(sending, topic);
  }

  /** Lookups of a topic share a promise, so the records that wait for it go on in the order of their calls. */
  private async afterLookUp(looking: Promise<RedisTopic>, sending: Sending): Promise<void> {
    const { record, call, index, deadline } = sending;
    try {
      if (await this.endsBefore(looking, deadline)) this.write(sending, await looking);
      else call.set(index, this.notInTime(record));
    } catch (thrown) {
      const error = this.errorOf(thrown, record.topic);
      if (!error.retryable || this.ended) return call.set(index, error);
      if (this.parts.context.clock.now() >= deadline) return call.set(index, this.notInTime(record, error));
      await sleep(this.parts.context.clock, PAUSE_MS);
      this.place(sending);
    }
  }

  private write(sending: Sending, topic: RedisTopic): void {
    const { record, call, index, deadline } = sending;
    const fault = this.faultOf(record, topic);
    if (fault) return call.set(index, fault);
    const partition = record.partition ?? this.choosePartition(record, topic);
    const writer = this.writerOf(topic, partition);
    if (record.idempotencyKey !== undefined || record.dueAt !== undefined) {
      writer.flush();
      void this.writeOnce(sending, topic, partition);
      return;
    }
    const fields = this.fieldsOf(record);
    writer.write({ messageId: String(fields[1]), fields, deadline, call, index, turn: undefined });
  }

  private writerOf(topic: RedisTopic, partition: number): StreamWriter {
    const stream = topic.streams[partition] as string;
    const known = this.writers.get(stream);
    if (known) return known;
    const { client, context, options } = this.parts;
    const { clock, connection, log } = context;
    const onTrouble = (error: MessagingError) =>
      log.debug(`messages to topic ${topic.name} go again: ${error.message}`);
    const timeoutMs = options.deliveryTimeoutMs;
    const parts = { client, clock, connection, topic: topic.name, partition, stream, timeoutMs, onTrouble };
    const writer = new StreamWriter(parts, topic.lastIds[partition] ?? '0-0');
    this.writers.set(stream, writer);
    return writer;
  }

  /** The script may be repeated: a record with a key is known by it, a delayed one is the same member of its set. */
  private async writeOnce(
    { record, call, index, deadline }: Sending,
    topic: RedisTopic,
    partition: number,
  ): Promise<void> {
    const { client, keys, options, context } = this.parts;
    const { idempotencyKey, dueAt } = record;
    const stream = topic.streams[partition] as string;
    const lockKey = idempotencyKey === undefined ? stream : keys.dedupe(topic.name, idempotencyKey);
    const ttlMs = idempotencyKey === undefined ? 0 : options.dedupeTtlMs;
    const fields = this.fieldsOf(record);
    for (;;) {
      // the server's clock counts it down, which may not be this one
      const delayMs = dueAt === undefined ? -1 : Math.max(dueAt - context.clock.now(), 0);
      const args = [ttlMs, delayMs, partition, ...fields];
      try {
        const id = await evaluate(client, sendOnceScript, [stream, keys.delayed(topic.name), lockKey], args);
        const offset = String(id);
        if (dueAt !== undefined) this.parts.mover.watch(keys.delayed(topic.name), topic.streams, dueAt);
        return call.set(index, { topic: topic.name, partition: offset === '' ? -1 : partition, offset });
      } catch (thrown) {
        const error = this.errorOf(thrown, topic.name);
        if (!error.retryable || this.ended) return call.set(index, error);
        if (context.clock.now() >= deadline)
          return call.set(index, new DeliveryTimeoutError(topic.name, options.deliveryTimeoutMs, 'unknown', error));
        await sleep(context.clock, PAUSE_MS);
      }
    }
  }

  private faultOf(record: OutgoingRecord, topic: RedisTopic): MessagingError | undefined {
    const { partition } = record;
    if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0 && partition < topic.partitions))
      return new UnknownPartitionError(topic.name, partition, topic.partitions);
    const { format, options, context } = this.parts;
    const refusal = format.refusal?.(record);
    if (refusal === undefined) return tooLarge(record, options.maxMessageBytes);
    const text = `A message to topic \`${topic.name}\` cannot be written with \`entryFormat: '${options.entryFormat}'\`: ${refusal}`;
    return new UnsupportedByBrokerError(text, { topic: topic.name, connection: context.connection });
  }

  private choosePartition({ key }: OutgoingRecord, { partitions }: RedisTopic): number {
    if (partitions === 1) return 0;
    return key === null ? this.nextPartition++ % partitions : partitionOf(key, partitions);
  }

  private endsBefore(work: Promise<unknown>, at: number): Promise<boolean> {
    const { clock } = this.parts.context;
    return settledWithin(clock, work, at - clock.now());
  }

  private notInTime({ topic }: OutgoingRecord, cause?: MessagingError): DeliveryTimeoutError {
    return new DeliveryTimeoutError(topic, this.parts.options.deliveryTimeoutMs, 'not-written', cause);
  }

  private errorOf(thrown: unknown, topic: string): MessagingError {
    return toMessagingError(thrown, { connection: this.parts.context.connection, topic });
  }

  private closedError(): MessagingError {
    return closedConnection(this.parts.context.connection);
  }
}
