import type { Producer, RecordMetadata } from 'kafkajs';
import { settledWithin } from '../../core/clock.js';
import { BrokerUnavailableError, type MessagingError } from '../../core/errors.js';
import { groupBy } from '../../core/group-by.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import { COMPRESSION } from './codecs/codec-name.js';
import { toMessagingError } from './kafkajs.errors.js';
import type { PendingSend } from './pending-send.js';
import type { CreateProducer } from './produce/create-producer.js';
import { toMessages } from './produce/to-messages.js';

/** What a request left undone. */
export interface Unwritten {
  readonly unwritten: readonly PendingSend[];
  readonly error?: MessagingError;
}

export interface SendPathOptions extends Pick<
  ResolvedKafkaOptions,
  'acks' | 'requestTimeoutMs' | 'native' | 'compressionType'
> {
  /**
   * Each message once. kafkajs keeps the broker's sequence numbers only while a call has one partition: with several, a repeat after a
   * leader's move takes new ones, or wedges.
   */
  readonly enableIdempotence?: boolean | undefined;
}

/**
 * Puts one request at a time through a kafkajs producer, with what it takes to lose nothing (measured over leader kills):
 * - the partition is fixed on each record, since a repeat would choose again;
 * - the answer is compared with what was asked: kafkajs skips partitions whose leader moved to a broker that has answered already,
 *   and resolves as if they were written; they go again;
 * - after any rejection the producer is discarded.
 */
export class SendPath {
  private producer: Promise<Producer> | undefined;

  constructor(
    private readonly createProducer: CreateProducer,
    private readonly context: DriverContext,
    private readonly options: SendPathOptions,
  ) {}

  async send(topic: string, batch: readonly PendingSend[]): Promise<Unwritten> {
    const { clock } = this.context;
    const sending = this.options.enableIdempotence ? this.perPartition(topic, batch) : this.request(topic, batch);
    const latest = batch.reduce((at, { deadline }) => Math.max(at, deadline), 0);
    const isAnswered = await settledWithin(clock, sending, latest - clock.now());
    const outcome = isAnswered ? await sending : this.unanswered(topic, batch);
    if (outcome.error) this.discard();
    return outcome;
  }

  async close(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await producer?.then(
      (connected) => connected.disconnect(),
      () => {}, // it never was connected: there is nothing to close
    );
  }

  private async perPartition(topic: string, batch: readonly PendingSend[]): Promise<Unwritten> {
    const requests = [...groupBy(batch, ({ partition }) => partition).values()];
    const results = await Promise.all(requests.map((request) => this.request(topic, request)));
    const error = results.find((result) => result.error)?.error;
    return { unwritten: results.flatMap(({ unwritten }) => unwritten), ...(error && { error }) };
  }

  private async request(topic: string, batch: readonly PendingSend[]): Promise<Unwritten> {
    try {
      this.producer ??= this.connect();
      const producer = await this.producer;
      const { acks, requestTimeoutMs: timeout, compressionType } = this.options;
      for (const pending of batch) pending.wasSent = true;
      const answers = await producer.send({
        topic,
        acks: acks === 'all' ? -1 : acks,
        timeout,
        compression: COMPRESSION[compressionType],
        messages: toMessages(batch, this.context.clock.now()),
      });
      return { unwritten: answer(topic, batch, answers) };
    } catch (thrown) {
      return { unwritten: batch, error: toMessagingError(thrown, { connection: this.context.connection, topic }) };
    }
  }

  private unanswered(topic: string, batch: readonly PendingSend[]): Unwritten {
    const { connection } = this.context;
    return {
      unwritten: batch,
      error: new BrokerUnavailableError('the request was not answered', { connection, topic }),
    };
  }

  private async connect(): Promise<Producer> {
    const producer = this.createProducer({
      idempotent: this.options.enableIdempotence ?? false,
      ...this.options.native,
    });
    await producer.connect();
    return producer;
  }

  private discard(): void {
    this.close().catch((error: Error) => this.context.log.debug(`discarded producer: ${error.message}`));
  }
}

/** Answers the records of the partitions that were written; returns the others. */
function answer(topic: string, batch: readonly PendingSend[], answers: readonly RecordMetadata[]): PendingSend[] {
  const next = new Map(answers.map(({ partition, baseOffset }) => [partition, Number(baseOffset ?? -1)]));
  return batch.filter((pending) => {
    const partition = pending.partition as number;
    const offset = next.get(partition);
    if (offset === undefined) return true;
    next.set(partition, offset + 1);
    pending.call.set(pending.index, { topic, partition, offset: String(offset) });
    return false;
  });
}
