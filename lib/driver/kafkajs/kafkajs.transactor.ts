import type { Producer, Transaction } from 'kafkajs';
import { settledBefore, settledWithin, sleep, type Deadline } from '../../core/clock.js';
import { BrokerUnavailableError, UnknownPartitionError, type MessagingError } from '../../core/errors.js';
import { groupBy } from '../../core/group-by.js';
import { sizeOf, type OutgoingRecord } from '../../core/message.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import type { Position } from '../kafka/group-member.js';
import {
  confirmed,
  isAboutRecord,
  TRANSACTION_TIMEOUT_MS,
  TransactionError,
  type TransactionFault,
  type Transactor,
} from '../kafka/transactor.js';
import { COMPRESSION } from './codecs/codec-name.js';
import { codesOf, isFenced, isStillEnding, toMessagingError } from './kafkajs.errors.js';
import { partitionOfKey } from './partition-of-key.js';
import type { CreateProducer } from './produce/create-producer.js';
import { toMessages } from './produce/to-messages.js';

/** A request's records: the broker takes a batch of 1,048,588 bytes by default, and all is encoded in one go. */
const MAX_BYTES = 1_000_000;
const MAX_RECORDS = 5_000;
/** The broker may still be ending the transaction before this one. */
const ENDING_PAUSE_MS = 10;

export interface TransactorParts {
  readonly createProducer: CreateProducer;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly groupId: string;
  /** How many a topic has, as its brokers say now. @throws UnknownTopicError */
  readonly partitionsOf: (topic: string) => Promise<number>;
}

interface Placed {
  readonly record: OutgoingRecord;
  readonly partition: number;
}

/**
 * One transactional kafkajs producer for one input partition: kafkajs tells the broker nothing of the group's generation, so only the id
 * keeps former owners out. It repeats nothing inside a transaction: a repeat may write twice, or skip a partition whose leader moved.
 */
export class KafkajsTransactor implements Transactor {
  private producer: Producer | undefined;
  private nextSticky = 0;
  /** Partitions by topic, as long as all goes well. */
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly id: string,
    private readonly parts: TransactorParts,
  ) {}

  /** kafkajs takes its epoch with the first `transaction()`, not with `connect()`; after an error its producer is of no use. */
  async fence(): Promise<void> {
    this.discard();
    this.counts.clear();
    await this.within(async () => {
      this.producer = this.parts.createProducer({
        transactionalId: this.id,
        transactionTimeout: TRANSACTION_TIMEOUT_MS,
        maxInFlightRequests: 1,
        retry: { retries: 0 },
        ...this.parts.options.native,
      });
      await this.producer.connect();
      const first = await this.producer.transaction();
      await first.abort();
    });
  }

  async transact(records: readonly OutgoingRecord[], positions: readonly Position[]): Promise<void> {
    const { producer } = this;
    if (!producer) throw this.fault(new BrokerUnavailableError('there is no producer'));
    await this.within(async () => {
      const placed = await this.place(records);
      const transaction = await producer.transaction();
      try {
        await this.sendPositions(transaction, positions);
        for (const request of requestsOf(placed)) await this.send(transaction, request);
        await transaction.commit();
      } catch (error) {
        await transaction.abort().catch(() => {}); // where that fails too, `fence` or the broker's clock ends it
        throw error;
      }
    });
  }

  async close(deadline: Deadline): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    if (producer) await settledBefore(producer.disconnect(), deadline);
  }

  private async within(work: () => Promise<void>): Promise<void> {
    try {
      if (await settledWithin(this.parts.context.clock, work(), TRANSACTION_TIMEOUT_MS)) return;
    } catch (error) {
      throw this.fault(error);
    }
    throw this.fault(new BrokerUnavailableError(`no answer within ${TRANSACTION_TIMEOUT_MS} ms`));
  }

  /** First of all: it writes no record, so that it can be repeated while the broker is not through with the transaction before. */
  private async sendPositions(transaction: Transaction, positions: readonly Position[]): Promise<void> {
    const { clock } = this.parts.context;
    const topics = [...groupBy(positions, ({ topic }) => topic)].map(([topic, own]) => ({
      topic,
      partitions: own.map(({ partition, offset, metadata = '' }) => ({ partition, offset, metadata })),
    }));
    for (const end = clock.now() + TRANSACTION_TIMEOUT_MS; ; await sleep(clock, ENDING_PAUSE_MS)) {
      try {
        return await transaction.sendOffsets({ consumerGroupId: this.parts.groupId, topics });
      } catch (error) {
        if (!isStillEnding(error) || clock.now() >= end) throw error;
      }
    }
  }

  /** kafkajs resolves although partitions whose leader moved were not written. */
  private async send(transaction: Transaction, request: readonly Placed[]): Promise<void> {
    const topic = (request[0] as Placed).record.topic;
    const messages = toMessages(request, this.parts.context.clock.now());
    const compression = COMPRESSION[this.parts.options.compressionType];
    const answers = await transaction.send({ topic, acks: -1, compression, messages }).catch(async (error: unknown) => {
      throw await confirmed(this.fault(error, topic), this.parts.partitionsOf);
    });
    const written = new Set(answers.map(({ partition }) => partition));
    if (request.some(({ partition }) => !written.has(partition)))
      throw new BrokerUnavailableError(`topic ${topic}: a leader moved, and its partition was not written`);
  }

  private place(records: readonly OutgoingRecord[]): Promise<Placed[]> {
    const { partitioner } = this.parts.options;
    const sticky = this.nextSticky++;
    return Promise.all(
      records.map(async (record) => {
        const { topic, key, partition: asked } = record;
        const count = await this.countOf(topic);
        const partition = asked ?? (key === null ? sticky % count : partitionOfKey(key, count, partitioner));
        if (Number.isInteger(partition) && partition >= 0 && partition < count) return { record, partition };
        throw new TransactionError('record', new UnknownPartitionError(topic, partition, count));
      }),
    );
  }

  private async countOf(topic: string): Promise<number> {
    try {
      const count = this.counts.get(topic) ?? (await this.parts.partitionsOf(topic));
      this.counts.set(topic, count);
      return count;
    } catch (error) {
      throw this.fault(error, topic);
    }
  }

  /** @param topic set where the error is about records */
  private fault(thrown: unknown, topic?: string): TransactionError {
    if (thrown instanceof TransactionError) return thrown;
    const error: MessagingError = toMessagingError(thrown, { connection: this.parts.context.connection, topic });
    return new TransactionError(faultOf(thrown, error, topic), error);
  }

  private discard(): void {
    const { producer } = this;
    this.producer = undefined;
    producer
      ?.disconnect()
      .catch((error: Error) => this.parts.context.log.debug(`discarded producer: ${error.message}`));
  }
}

function faultOf(thrown: unknown, error: MessagingError, topic: string | undefined): TransactionFault {
  if (isFenced(thrown)) return 'fenced';
  return topic !== undefined && isAboutRecord(error, codesOf(thrown)) ? 'record' : 'other';
}

/** One topic each, in the order of the records. */
function requestsOf(placed: readonly Placed[]): Placed[][] {
  const requests: Placed[][] = [];
  for (const own of groupBy(placed, ({ record }) => record.topic).values()) {
    let bytes = Infinity;
    for (const one of own) {
      const size = sizeOf(one.record);
      if (bytes + size > MAX_BYTES || (requests.at(-1)?.length ?? 0) >= MAX_RECORDS) {
        requests.push([]);
        bytes = 0;
      }
      requests.at(-1)?.push(one);
      bytes += size;
    }
  }
  return requests;
}
