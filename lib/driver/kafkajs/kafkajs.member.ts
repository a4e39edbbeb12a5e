import type { Consumer, ConsumerCrashEvent, EachBatchPayload, Kafka } from 'kafkajs';
import { settledBefore, sleep, type Clock, type Deadline } from '../../core/clock.js';
import { BrokerError, ClosedError, UnknownTopicError } from '../../core/errors.js';
import { OffsetResetError } from '../../core/offset-reset.error.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { SubscribeRequest, TopicAdmin } from '../driver.js';
import {
  nameOf,
  type GroupMember,
  type MemberEvents,
  type Position,
  type TopicPartition,
} from '../kafka/group-member.js';
import { registerCodecs } from './codecs/register-codecs.js';
import type { KafkajsModule } from './kafkajs.client.js';
import { startPositions, type Committed } from '../kafka/start-positions.js';
import type { FetchedRecords } from './fetch/fetched-records.js';
import { Handover } from './fetch/handover.js';
import { hookedAssigner, type MemberHooks } from './kafkajs.hooks.js';
import type { KafkajsCluster, StandIn } from './kafkajs.internals.js';
import { assignedPartitions, boundsOf } from './kafkajs.offsets.js';
import { lookFor, subscribe } from './missing-topics.js';

/**
 * How long a broker waits for messages, and kafkajs sleeps where it has nothing to ask of one, in ms: a partition that is resumed meanwhile
 * waits as long. While some are paused, and the last pause is not long ago, a resume is likely: what was fetched ahead is handled.
 */
const WAIT_MS = { usual: 100, afterPause: 20 };
const SOON_MS = 1_000;

export interface MemberParts {
  readonly kafkajs: KafkajsModule;
  readonly client: Kafka;
  readonly options: ResolvedKafkaOptions;
  readonly request: SubscribeRequest;
  readonly admin: TopicAdmin;
  readonly clock: Clock;
  readonly connection: string;
  readonly events: MemberEvents;
}

/** One kafkajs consumer. It is used once: after a crash a new one takes its place, since kafkajs leaves a crashed one in any state. */
export class KafkajsMember implements GroupMember {
  private readonly consumer: Consumer;
  private generation = 0;
  private joined = 0;
  /** Where reading begins, as kafkajs asked for it in this generation. */
  private readonly positions = new Map<string, Position>();
  private opened: Promise<void> | undefined;
  private hasJoined = false;
  private readonly ended = new AbortController();
  private cluster: KafkajsCluster | undefined;
  private heartbeat: (() => Promise<void>) | undefined;
  private readonly handover: Handover;
  private pausedAt = 0;
  private running: Promise<void> | undefined;

  constructor(private readonly parts: MemberParts) {
    const { client, kafkajs, options, request } = parts;
    this.consumer = client.consumer({
      groupId: request.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      rebalanceTimeout: options.maxPollIntervalMs,
      maxWaitTimeInMs: { valueOf: () => this.waitMs } as unknown as number, // `setTimeout` asks for the number then
      allowAutoTopicCreation: false,
      readUncommitted: options.isolationLevel === 'read_uncommitted',
      partitionAssigners: [hookedAssigner(kafkajs, this.hooks())],
      retry: { restartOnFailure: async () => false },
      ...options.native,
    });
    this.handover = new Handover(({ topic, partition }) => this.consumer.pause([{ topic, partitions: [partition] }]));
    this.listen();
  }

  private get over(): boolean {
    return this.ended.signal.aborted;
  }

  private get waitMs(): number {
    const { clock, options } = this.parts;
    const isPaused = this.handover.hasPaused && Math.abs(clock.now() - this.pausedAt) < SOON_MS; // clocks go back, too
    return Math.min(isPaused ? WAIT_MS.afterPause : WAIT_MS.usual, Math.floor(options.sessionTimeoutMs / 6));
  }

  /** Ends when the group is joined, or with `onCrash`. */
  run(): Promise<void> {
    this.running = this.join();
    return this.running;
  }

  pause(partition: TopicPartition): void {
    if (!this.hasJoined || this.over) return;
    this.pausedAt = this.parts.clock.now();
    this.handover.pause(partition);
  }

  resume({ topic, partition }: TopicPartition): void {
    if (!this.hasJoined || this.over) return;
    this.handover.resume({ topic, partition });
    this.consumer.resume([{ topic, partitions: [partition] }]);
  }

  async commit(positions: readonly Position[]): Promise<void> {
    await this.consumer.commitOffsets([...positions]);
  }

  /**
   * Leaves the group. A join under way is awaited first: kafkajs does not stop a consumer that is joining, and it would stay in the
   * group as a zombie. What hangs is cut off at the deadline.
   */
  async leave(deadline: Deadline): Promise<void> {
    this.ended.abort();
    const left = (this.running ?? Promise.resolve()).catch(() => {}).then(() => this.consumer.disconnect());
    if (!(await settledBefore(left, deadline))) await this.cluster?.disconnect();
  }

  private async join(): Promise<void> {
    await this.consumer.connect();
    const missing = await subscribe(this.consumer, this.parts.request.topics);
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.take(payload),
    });
    void this.watch(missing);
  }

  /** kafkajs takes no more topics while it runs. */
  private async watch(missing: readonly string[]): Promise<void> {
    const { admin, clock, connection, events } = this.parts;
    for (const topic of missing) events.onPassedOver(new UnknownTopicError(topic, { connection }));
    const found = await lookFor(missing, { admin, clock, end: this.ended.signal });
    if (found === undefined) return;
    const text = `Topic \`${found}\` is there again: the member is replaced by one that reads it.`;
    await events.onOutdated(new BrokerError(text, { connection, topic: found, retryable: true }));
  }

  private hooks(): MemberHooks {
    const { kafkajs, options, events } = this.parts;
    return {
      bound: {
        codecs: registerCodecs(kafkajs),
        maxBytes: options.maxDecompressedBytes,
        onOversized: (error) => events.onPassedOver(error),
      },
      next: (from, asked) => this.handover.next(from, asked),
      handOver: (from, next, records) => this.handOver(from, next, records),
      generation: () => this.generation,
      maxWaitMs: () => this.waitMs,
      onCluster: (cluster) => (this.cluster = cluster),
      assertAlive: () => {
        if (this.over) throw new ClosedError('this member has left the group');
      },
      beforeJoin: async () => {
        if (this.hasJoined) await this.whileBeating(() => this.parts.events.onRevoked());
        this.begin();
      },
      beforePositions: (partitions) => this.whileBeating(() => this.parts.events.onPositioning(partitions)),
      startPositions: (committed, generation) => this.startPositions(committed, generation),
      beforeFetch: () => this.open(),
    };
  }

  /** A generation: nothing is handed over until its positions are known. */
  private begin(): void {
    this.generation++;
    this.positions.clear();
    this.opened = undefined;
    this.handover.reset();
  }

  /** One of kafkajs' fetchers may ask while another joins the group. Nothing can be handed over yet, so it waits as long as a broker would. */
  private async open(): Promise<void> {
    if (this.positions.size === 0) await sleep(this.parts.clock, this.waitMs, this.ended.signal);
    if (this.positions.size > 0) await (this.opened ??= this.parts.events.onPositions([...this.positions.values()]));
  }

  private async startPositions(committed: readonly Committed[], generation: number): Promise<readonly Position[]> {
    try {
      const bounds = await boundsOf(this.cluster as KafkajsCluster, committed);
      const positions = startPositions(this.parts.request, committed, bounds);
      // kafkajs would keep them for the assignment that is to come; it asks again
      if (generation !== this.generation)
        throw new Error('the group was joined anew while its positions were asked for');
      for (const position of positions) {
        this.positions.set(nameOf(position), position);
        this.handover.startAt(position, Number(position.offset));
      }
      return positions;
    } catch (error) {
      if (error instanceof OffsetResetError) this.crash(error);
      throw error;
    }
  }

  private crash(error: unknown): void {
    if (this.over) return;
    this.ended.abort();
    this.parts.events.onCrash(error);
  }

  private listen(): void {
    const { GROUP_JOIN, CRASH } = this.consumer.events;
    this.consumer.on(GROUP_JOIN, ({ payload }) => {
      this.hasJoined = true;
      if (this.over) return;
      if (this.joined === this.generation) {
        // two of kafkajs' fetchers joined at a time: what the first brought is not given up by `beforeJoin`
        this.parts.events.onLost();
        this.begin();
      }
      this.joined = this.generation;
      this.consumer.resume(this.consumer.paused());
      this.parts.events.onAssigned(assignedPartitions(payload.memberAssignment));
    });
    this.consumer.on(CRASH, ({ payload }: ConsumerCrashEvent) => this.crash(payload.error));
  }

  private handOver(from: TopicPartition, next: number, records: FetchedRecords): boolean {
    if (this.over || !this.handover.begin(from, next, records.count)) return false;
    this.parts.events.onFetched(from, next, records);
    return true;
  }

  /** Notes how far the log was read; kafkajs waits for it before it fetches again. */
  private async take(payload: EachBatchPayload): Promise<void> {
    const [standIn] = payload.batch.messages as unknown as readonly StandIn[];
    this.heartbeat = () => payload.heartbeat();
    if (this.over || standIn?.generation !== this.generation) return;
    this.handover.end(payload.batch);
    if (standIn.isHandedOver) payload.resolveOffset(payload.batch.lastOffset());
  }

  /** kafkajs sends heartbeats from its fetch loop only, which stands still during a rejoin. */
  private async whileBeating(work: () => Promise<void>): Promise<void> {
    const { clock, options } = this.parts;
    let cancel = () => {};
    const beat = () => {
      this.heartbeat?.().catch(() => {}); // the broker answers "rebalance in progress", and keeps the session alive
      cancel = clock.after(options.heartbeatIntervalMs / 2, beat);
    };
    beat();
    try {
      await work();
    } finally {
      cancel();
    }
  }
}
