import { settledBefore, settledWithin, sleep, type Deadline } from '../../core/clock.js';
import { BrokerUnavailableError, ClosedError } from '../../core/errors.js';
import { groupBy } from '../../core/group-by.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext, SubscribeRequest } from '../driver.js';
import { fetchedMessages, NOTHING_FETCHED } from '../kafka/backlog.js';
import { isFinalError } from '../kafka/final-error.js';
import {
  nameOf,
  type GroupMember,
  type MemberEvents,
  type Position,
  type TopicPartition,
} from '../kafka/group-member.js';
import { startPositions, type Committed, type LogBounds } from '../kafka/start-positions.js';
import { committedPositions } from './committed-positions.js';
import { connectNative, disconnectNative } from './confluent.client.js';
import { toDelivery } from './confluent.delivery.js';
import { CODE, eventError, isFatal, isRefusal } from './confluent.errors.js';
import {
  promised,
  type Callback,
  type ConfluentModule,
  type NativeConsumer,
  type NativeError,
  type NativeMessage,
  type NativePosition,
} from './confluent.native.js';
import { consumerConfig } from './consumer-config.js';
import { Pauses } from './pauses.js';
import { PollLoop } from './poll-loop.js';
import { UnreadableBatches, type Place } from './unreadable-batches.js';

const RETRY_MS = 250;
/** Everything of a partition waits for its commit, so none may wait for ever. */
const COMMIT_MS = 10_000;

export interface ConfluentMemberParts {
  readonly confluent: ConfluentModule;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
  readonly request: SubscribeRequest;
  readonly events: MemberEvents;
  /** What the logs of these have. */
  readonly bounds: (partitions: readonly TopicPartition[]) => Promise<readonly LogBounds[]>;
  /** Rejects where something forbids to read one of these topics. */
  readonly assertReadable: (topics: readonly string[]) => Promise<void>;
}

/** One librdkafka consumer. */
export class ConfluentMember implements GroupMember {
  private readonly consumer: NativeConsumer;
  private readonly loop: PollLoop;
  /** librdkafka's rebalances, one after the other. */
  private rebalancing: Promise<void> = Promise.resolve();
  private readonly owned = new Map<string, Place>();
  private readonly unreadable: UnreadableBatches;
  private readonly pauses: Pauses;
  /** Commits that the broker has not answered, in their order. */
  private readonly commits: Callback[] = [];
  private joining: Promise<void> | undefined;
  private leaving: Promise<void> | undefined;
  private over = false;

  constructor(private readonly parts: ConfluentMemberParts) {
    const { confluent, options, request, context } = parts;
    const config = consumerConfig(options, request, {
      rebalance_cb: (event: NativeError, partitions: readonly NativePosition[]) => this.onRebalance(event, partitions),
      offset_commit_cb: (error: NativeError | undefined) => this.commits.shift()?.(error, undefined),
      queue_non_empty_cb: () => this.loop.wake(),
    });
    this.consumer = new confluent.KafkaConsumer(config.client, config.topic);
    this.consumer.setDefaultConsumeTimeout(0); // a consume that waits would hold one of the four threads of libuv
    this.loop = new PollLoop({
      consumer: this.consumer,
      clock: context.clock,
      max: request.maxPollRecords,
      onMessages: (messages, ends) => this.onMessages(messages, ends),
      onError: (error) => this.onError(error),
    });
    this.consumer.on('event.error', (error) => this.onError(eventError(error)));
    const { consumer, loop, owned: places } = this;
    this.pauses = new Pauses({ consumer, loop, places, log: context.log });
    this.unreadable = new UnreadableBatches({ ...parts, consumer, places, onFailure: (error) => this.crash(error) });
  }

  run(): Promise<void> {
    this.joining ??= this.join();
    return this.joining;
  }

  pause(partition: TopicPartition): void {
    this.pauses.pause(partition);
  }

  resume(partition: TopicPartition): void {
    this.pauses.resume(partition);
  }

  /** For those who commit. The broker checks the member's generation only, and after a pause of the loop not even that. @throws ClosedError */
  get committer(): NativeConsumer {
    const { options, context } = this.parts;
    if (this.consumer.assignmentLost() || this.loop.gapMs(context.clock.now()) > options.maxPollIntervalMs)
      throw new ClosedError("the partitions are no longer this member's");
    return this.consumer;
  }

  async commit(positions: readonly Position[]): Promise<void> {
    const { context } = this.parts;
    const native = positions.map(({ offset, ...rest }) => ({ ...rest, offset: Number(offset) }));
    this.committer.commit(native);
    const committing = promised<void>((done) => this.commits.push(done));
    if (!(await settledWithin(context.clock, committing, COMMIT_MS)))
      throw new BrokerUnavailableError(`the coordinator did not answer within ${COMMIT_MS} ms`);
  }

  committed(partitions: readonly TopicPartition[]): Promise<readonly Committed[]> {
    return committedPositions(this.consumer, partitions);
  }

  leave(deadline: Deadline): Promise<void> {
    this.leaving ??= this.end(deadline);
    return this.leaving;
  }

  private async join(): Promise<void> {
    const { context, request } = this.parts;
    try {
      await connectNative(this.consumer, context);
    } catch (error) {
      this.over = true;
      void disconnectNative(this.consumer);
      throw error;
    }
    if (this.over) return;
    this.consumer.subscribe(request.topics.map(({ topic }) => topic));
    this.loop.start();
  }

  /** Polls on until the group has taken the partitions back. It keeps them for a static member, unless that one unsubscribes. */
  private async end(deadline: Deadline): Promise<void> {
    this.over = true;
    await settledBefore(this.joining?.catch(() => {}) ?? Promise.resolve(), deadline);
    if (!this.consumer.isConnected()) return;
    const isStatic = this.parts.options.groupInstanceId !== undefined;
    if (this.loop.isRunning && !isStatic) this.consumer.unsubscribe();
    while (!isStatic && this.owned.size > 0 && !deadline.signal.aborted) await this.loop.turn();
    await settledBefore(this.rebalancing, deadline);
    await settledBefore(this.unreadable.close(), deadline);
    await this.loop.stop();
    await settledBefore(disconnectNative(this.consumer), deadline);
  }

  private onRebalance(event: NativeError | undefined, partitions: readonly NativePosition[]): void {
    const work = event?.code === CODE.assign ? () => this.assign(partitions) : () => this.revoke(partitions);
    this.rebalancing = this.rebalancing.then(work).catch((error: unknown) => this.crash(error));
  }

  /** librdkafka fetches nothing of them before `assign`, and waits for it as long as it takes. */
  private async assign(partitions: readonly NativePosition[]): Promise<void> {
    const { events } = this.parts;
    let positions: readonly Position[] = [];
    if (!this.over) {
      events.onAssigned(partitions);
      await events.onPositioning(partitions);
      positions = await this.positionsOf(partitions);
      if (!this.over) await events.onPositions(positions);
    }
    const places = positions.map(({ topic, partition, offset }) => ({ topic, partition, offset: Number(offset) }));
    const native = this.over ? [] : places; // nothing is read of what could not be positioned, or is left
    await this.loop.between(() => {
      if (this.isCooperative) this.consumer.incrementalAssign(native);
      else this.consumer.assign(native);
      for (const one of native) this.owned.set(nameOf(one), { ...one, offset: one.offset ?? 0 });
    });
  }

  private async revoke(partitions: readonly NativePosition[]): Promise<void> {
    const { events } = this.parts;
    if (this.consumer.assignmentLost()) events.onLost(partitions);
    else await events.onRevoked(partitions);
    await this.loop.between(() => {
      this.pauses.lift(partitions);
      const owned = partitions.filter((one) => this.owned.delete(nameOf(one)));
      if (this.isCooperative) this.consumer.incrementalUnassign(owned);
      else this.consumer.unassign();
    });
  }

  /** Where reading begins, as numbers. */
  private async positionsOf(partitions: readonly NativePosition[]): Promise<readonly Position[]> {
    const { request, bounds, assertReadable } = this.parts;
    while (partitions.length > 0 && !this.over) {
      try {
        await assertReadable([...new Set(partitions.map(({ topic }) => topic))]);
        return startPositions(request, await this.committed(partitions), await bounds(partitions));
      } catch (error) {
        if (isFinalError(error)) {
          this.crash(error);
          return [];
        }
        this.parts.events.onTrouble(error);
        await sleep(this.parts.context.clock, RETRY_MS);
      }
    }
    return [];
  }

  private onMessages(messages: readonly NativeMessage[], ends: readonly NativePosition[]): void {
    if (this.over) return;
    for (const own of groupBy(messages, nameOf).values()) {
      const last = own.at(-1) as NativeMessage;
      const place = this.owned.get(nameOf(last));
      if (place) place.offset = last.offset + 1; // which may be less than before, when the log was lost
      this.parts.events.onFetched(last, last.offset + 1, fetchedMessages(own, toDelivery));
    }
    for (const end of ends) this.ended(end);
  }

  /** An end may have come before the messages of the same poll. */
  private ended(end: NativePosition): void {
    const { offset = 0 } = end;
    const place = this.owned.get(nameOf(end));
    if (place) place.offset = Math.max(place.offset, offset);
    this.parts.events.onFetched(end, offset, NOTHING_FETCHED);
  }

  /** librdkafka mends what it can by itself. */
  private onError(error: NativeError): void {
    if (this.over) return;
    if (error.code === CODE.badCompression) return this.unreadable.look();
    if (isFatal(error) || error.code === CODE.offsetReset || isRefusal(error)) return this.crash(error);
    if (error.code > 0) this.parts.events.onTrouble(error);
    else this.parts.context.log.debug(`librdkafka: ${error.message}`);
  }

  private crash(error: unknown): void {
    if (this.over) return;
    this.over = true;
    this.parts.events.onCrash(error);
  }

  private get isCooperative(): boolean {
    return this.consumer.rebalanceProtocol() === 'COOPERATIVE';
  }
}
