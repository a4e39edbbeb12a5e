import { sleep } from '../../core/clock.js';
import { BrokerUnavailableError, MessagingError, UnknownTopicError } from '../../core/errors.js';
import type { DriverContext, TopicAdmin, TopicDescription, TopicSettings, TopicSpec } from '../driver.js';
import { closedAdmin } from '../closed-connection.js';
import type { Position, TopicPartition } from '../kafka/group-member.js';
import { boundsFrom, type LogBounds } from '../kafka/start-positions.js';
import { CODE, toMessagingError } from './confluent.errors.js';
import type { KafkajsBeside } from './kafkajs-beside.js';
import {
  promised,
  type Callback,
  type ConfluentModule,
  type NativeAdmin,
  type NativeError,
  type OffsetAnswer,
  type TopicAnswer,
} from './confluent.native.js';

export const TIMEOUT_MS = 5_000;
const LEADER_POLL_MS = 100;
const LEADER_POLLS = 100;
const TOPIC_EXISTS = 36;
/** In the place of an offset when the request to the leader failed: librdkafka names no error then (2.15.1, `rd_kafka_ListOffsets_response_merge`). */
const NO_ANSWER = -1001;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/** Shares the connections of the producer. */
export class ConfluentAdmin implements TopicAdmin {
  constructor(
    private readonly confluent: ConfluentModule,
    private readonly native: () => NativeAdmin | undefined,
    private readonly context: DriverContext,
    private readonly kafkajs: KafkajsBeside,
  ) {}

  async describe(topics: readonly string[]): Promise<readonly TopicDescription[]> {
    const all = await Promise.all([...new Set(topics)].map((topic) => this.describeOne(topic)));
    return all.filter((found) => found !== undefined);
  }

  async create(specs: readonly TopicSpec[]): Promise<void> {
    await Promise.all(specs.map((spec) => this.createOne(spec)));
    for (const { topic } of specs) await this.waitForLeaders(topic);
  }

  /** How topics that exist keep their messages; none where that cannot be seen. */
  async settings(topics: readonly string[]): Promise<readonly TopicSettings[]> {
    return (await this.kafkajs.find())?.admin.settings(topics) ?? [];
  }

  /** How many partitions a topic has. @throws UnknownTopicError */
  async partitionsOf(topic: string): Promise<number> {
    return (await this.partitions(topic)).length;
  }

  /** @throws UnknownTopicError */
  async partitions(topic: string): Promise<TopicAnswer['partitions']> {
    const [found] = await this.ask<readonly TopicAnswer[]>(topic, (admin, done) =>
      admin.describeTopics([topic], { timeout: TIMEOUT_MS }, done),
    );
    if (found?.error) throw this.wrap(found.error, topic);
    if (!found || found.partitions.length === 0)
      throw new UnknownTopicError(topic, { connection: this.context.connection });
    return found.partitions;
  }

  /** Where these logs end for a reader of committed messages. */
  ends(partitions: readonly TopicPartition[]): Promise<Position[]> {
    return this.offsetsAt(partitions, this.confluent.OffsetSpec.LATEST, READ_COMMITTED);
  }

  /** What these logs have. */
  async bounds(partitions: readonly TopicPartition[]): Promise<LogBounds[]> {
    const { EARLIEST, LATEST } = this.confluent.OffsetSpec;
    const [starts, ends] = await Promise.all([
      this.offsetsAt(partitions, EARLIEST, READ_UNCOMMITTED),
      this.offsetsAt(partitions, LATEST, READ_UNCOMMITTED),
    ]);
    return boundsFrom(starts, ends);
  }

  /** The offset in each partition that a specification means; -1 for a time that nothing is as new as. @throws unless every leader answers */
  async offsetsAt(partitions: readonly TopicPartition[], at: unknown, isolationLevel: 0 | 1): Promise<Position[]> {
    if (partitions.length === 0) return [];
    const asked = partitions.map(({ topic, partition }) => ({ topic, partition, offset: at }));
    try {
      const found = await this.ask<readonly OffsetAnswer[]>(undefined, (admin, done) =>
        admin.listOffsets(asked, { timeout: TIMEOUT_MS, isolationLevel }, done),
      );
      return found.map((answer) => this.toPosition(answer));
    } catch (error) {
      await this.refresh(new Set(asked.map(({ topic }) => topic)));
      throw error;
    }
  }

  private toPosition({ topic, partition, offset = NO_ANSWER, error }: OffsetAnswer): Position {
    if (error !== undefined) throw this.wrap(error, topic);
    if (offset === NO_ANSWER) {
      const { connection } = this.context;
      const text = `The leader of partition ${partition} of topic \`${topic}\` does not answer.`;
      throw new BrokerUnavailableError(text, { connection, topic, partition });
    }
    return { topic, partition, offset: String(offset) };
  }

  /** That request of librdkafka's goes to the leader that it knows, and does not ask anew when that has moved or died (seen: for minutes). */
  private async refresh(topics: ReadonlySet<string>): Promise<void> {
    const asking = [...topics].map((topic) =>
      this.ask(topic, (admin, done) => admin.getMetadata({ topic, timeout: TIMEOUT_MS }, done)),
    );
    await Promise.allSettled(asking); // what went wrong before is told
  }

  private async describeOne(topic: string): Promise<TopicDescription | undefined> {
    try {
      return { topic, partitions: await this.partitionsOf(topic) };
    } catch (error) {
      if (error instanceof UnknownTopicError) return undefined;
      throw error;
    }
  }

  private async createOne(spec: TopicSpec): Promise<void> {
    const { topic, partitions = -1, replicationFactor = -1, retentionMs, cleanupPolicy, configs } = spec;
    const config = {
      ...(retentionMs !== undefined && { 'retention.ms': String(retentionMs) }),
      ...(cleanupPolicy !== undefined && { 'cleanup.policy': cleanupPolicy }),
      ...configs,
    };
    const native = { topic, num_partitions: partitions, replication_factor: replicationFactor, config };
    try {
      await this.ask(topic, (admin, done: Callback) => admin.createTopic(native, TIMEOUT_MS, done), true);
    } catch (error) {
      if (((error as Error).cause as { code?: number } | undefined)?.code !== TOPIC_EXISTS) throw error;
    }
  }

  /**
   * Until every leader answers for its log: metadata may name a leader that does not serve the partition yet.
   * @throws BrokerUnavailableError after 10 s.
   */
  private async waitForLeaders(topic: string): Promise<void> {
    for (let poll = 0; poll < LEADER_POLLS; poll++) {
      if (await this.hasLeaders(topic)) return;
      await sleep(this.context.clock, LEADER_POLL_MS);
    }
    const text = `Topic \`${topic}\` was created, but has no leaders after ${LEADER_POLLS * LEADER_POLL_MS} ms. Look at the brokers' log.`;
    throw new BrokerUnavailableError(text, { connection: this.context.connection, topic });
  }

  private async hasLeaders(topic: string): Promise<boolean> {
    try {
      const count = await this.partitionsOf(topic);
      await this.ends(Array.from({ length: count }, (_, partition) => ({ topic, partition })));
      return true;
    } catch (error) {
      if (error instanceof UnknownTopicError || (error as MessagingError).retryable) return false;
      throw error;
    }
  }

  /** One question to the cluster; where it may be repeated, of another broker when librdkafka let go of the first. */
  async ask<Answer>(
    topic: string | undefined,
    question: (admin: NativeAdmin, done: Callback<Answer>) => void,
    mayRepeat = false,
  ): Promise<Answer> {
    for (let isLast = !mayRepeat; ; isLast = true) {
      const admin = this.native();
      if (!admin) throw closedAdmin(this.context.connection);
      try {
        return await promised<Answer>((done) => question(admin, done));
      } catch (thrown) {
        if (isLast || (thrown as NativeError).code !== CODE.brokerDropped) throw this.wrap(thrown, topic);
      }
    }
  }

  private wrap(thrown: unknown, topic: string | undefined): MessagingError {
    return toMessagingError(thrown, { connection: this.context.connection, topic });
  }
}
