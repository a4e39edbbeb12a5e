import { deadlineIn, settledBefore, sleep, type Clock, type Deadline } from '../../core/clock.js';
import type { Delivery, Partition } from '../../core/delivery.js';
import { AuthenticationError, BrokerError, type MessagingError } from '../../core/errors.js';
import type { Outcome } from '../../core/outcome.js';
import type { Subscription } from '../driver.js';
import { BrokerStatus } from './broker-status.js';
import type { ConsumerParts } from './consumer-parts.js';
import { isFinalError } from './final-error.js';
import type { FetchedMessages, GroupMember, MemberEvents, Position, TopicPartition } from './group-member.js';
import { Intake, isOwned } from './intake.js';
import type { Reading } from './reading.js';
import { Settlement } from './settlement.js';
import { StallWatch } from './stall-watch.js';

const PAUSE_MS = { first: 250, longest: 30_000 };
/** How long a member that is replaced may take to leave. */
const LEAVE_MS = 5_000;

/**
 * A membership in a group, whichever client holds it: hands over deliveries, commits what is contiguously finished, gives partitions up
 * only when they are drained, and replaces its member after a crash or a stall.
 */
export class GroupConsumer implements Subscription, MemberEvents {
  private readonly intake: Intake;
  private readonly drains = new Set<Promise<void>>();
  private readonly settlement: Settlement;
  private readonly status: BrokerStatus;
  private readonly watch: StallWatch;
  private readonly stopped = new AbortController();
  private readonly clock: Clock;
  private member: GroupMember | undefined;
  private stopping: Promise<void> | undefined;
  private pauseMs = PAUSE_MS.first;
  private hasJoined = false;

  constructor(private readonly parts: ConsumerParts) {
    const { context, options, ends } = parts;
    this.clock = context.clock;
    this.status = new BrokerStatus(context, (thrown) => this.wrap(thrown));
    this.intake = new Intake({
      ...parts,
      member: () => this.member,
      announce: (reading) => this.settlement.commitSurely(() => reading.isOwned && !reading.isRevoking),
    });
    this.settlement = new Settlement({
      ...parts,
      intake: this.intake,
      member: () => this.member,
      wrap: (thrown, topic) => this.wrap(thrown, topic),
      onMoved: (readings) => this.moved(readings),
    });
    this.watch = new StallWatch({
      clock: this.clock,
      joinTimeoutMs: options.maxPollIntervalMs,
      readings: () => this.intake.of(),
      ends,
      onStall: (reason) => void this.onOutdated(reason),
    });
  }

  start(): void {
    this.settlement.start();
    this.watch.start();
    void this.join();
  }

  pause(partitions: readonly Partition[]): void {
    this.intake.pause(partitions);
    this.settlement.hurry(partitions.filter(isOwned));
  }

  resume(partitions: readonly Partition[]): void {
    this.intake.resume(partitions);
  }

  settle(delivery: Delivery, outcome: Outcome): Promise<void> | void {
    return this.settlement.settle(delivery, outcome);
  }

  stop(deadline: Deadline): Promise<void> {
    return (this.stopping ??= this.leave(deadline));
  }

  onAssigned(partitions: readonly TopicPartition[]): void {
    if (this.stopping) return;
    this.status.up();
    this.pauseMs = PAUSE_MS.first;
    this.hasJoined = true;
    this.watch.joined();
    const added = this.intake.add(partitions);
    if (added.length > 0) this.parts.sink.onAssigned(added);
  }

  async onPositioning(partitions: readonly TopicPartition[]): Promise<void> {
    await this.settlement.open(this.intake.of(partitions));
  }

  async onPositions(positions: readonly Position[]): Promise<void> {
    this.intake.startAt(positions);
    await this.settlement.commit();
  }

  async onRevoked(partitions?: readonly TopicPartition[]): Promise<void> {
    const { options, request } = this.parts;
    this.watch.joining();
    const deadline = deadlineIn(this.clock, Math.min(request.drainTimeoutMs, 0.8 * options.maxPollIntervalMs));
    await this.giveUp(this.intake.of(partitions), deadline);
    deadline.cancel();
  }

  onLost(partitions?: readonly TopicPartition[]): void {
    this.watch.joining();
    this.lose(this.intake.of(partitions));
  }

  onFetched(from: TopicPartition, next: number, messages: FetchedMessages): void {
    this.status.up();
    this.intake.fetched(from, next, messages);
  }

  onPassedOver(error: MessagingError): void {
    if (!this.stopping) this.parts.sink.onError(error, { fatal: false });
  }

  onTrouble(error: unknown): void {
    if (!this.stopping) this.status.trouble(error);
  }

  /** A member that does not do its part, and did not crash, is replaced at once; what runs may finish. */
  async onOutdated(reason: MessagingError): Promise<void> {
    const { member } = this;
    if (this.stopping || !member) return; // its successor is on the way
    this.parts.sink.onError(this.status.down(reason), { fatal: false });
    await this.onRevoked();
    if (this.stopping || this.member !== member) return; // it crashed meanwhile
    await this.dismiss();
    await this.join();
  }

  onCrash(error: unknown): void {
    if (this.stopping) return;
    this.onLost();
    void this.fail(this.status.down(error), isFinalError(error));
  }

  private async join(): Promise<void> {
    if (this.stopped.signal.aborted) return;
    this.watch.joining();
    let own: GroupMember | undefined;
    try {
      this.member = own = this.parts.createMember(this);
      await own.run();
    } catch (thrown) {
      if (this.stopping || this.member !== own) return; // it has a successor
      const error = this.status.down(thrown);
      await this.fail(error, !error.retryable && !this.mayPass(error));
    }
  }

  /** Another member takes the place of one that is over, where that can help. */
  private async fail(error: MessagingError, isFinal: boolean): Promise<void> {
    this.parts.sink.onError(error, { fatal: isFinal });
    if (!isFinal) return this.replace();
    this.watch.stop();
    await this.dismiss();
  }

  /**
   * What went once may go again: a topic that is gone comes back, a right that was taken is given. The login is that of the connection, which
   * is up: a broker that goes away in the midst of one looks the same.
   */
  private mayPass(error: MessagingError): boolean {
    return this.hasJoined || error instanceof AuthenticationError;
  }

  /** A new member, after a pause that grows from failure to failure. */
  private async replace(): Promise<void> {
    await this.dismiss();
    await sleep(this.clock, this.pauseMs, this.stopped.signal);
    this.pauseMs = Math.min(this.pauseMs * 2, PAUSE_MS.longest);
    await this.join();
  }

  private async dismiss(): Promise<void> {
    const { member } = this;
    this.member = undefined;
    const deadline = deadlineIn(this.clock, LEAVE_MS);
    await member
      ?.leave(deadline)
      .catch((error: Error) => this.parts.context.log.debug(`replaced member: ${error.message}`));
    deadline.cancel();
  }

  /** Each of these has another owner: nobody told this member, so it joins anew. Those that are being given up are the group's matter. */
  private moved(readings: readonly Reading[]): void {
    const isNews = readings.some(({ isRevoking }) => !isRevoking);
    this.lose(readings);
    if (isNews)
      this.onCrash(new BrokerError('another member writes for this one: it is replaced', { retryable: true }));
  }

  private lose(readings: readonly Reading[]): void {
    this.disown(readings);
    if (readings.length > 0) this.parts.sink.onLost(readings);
  }

  private disown(readings: readonly Reading[]): void {
    this.intake.disown(readings);
    this.settlement.left(readings);
  }

  /** A stop may fall into a rebalance: both wait for the same drain. */
  private async giveUp(readings: readonly Reading[], deadline: Deadline): Promise<void> {
    const fresh = readings.filter(({ isRevoking }) => !isRevoking);
    if (fresh.length > 0) {
      const drain = this.drain(fresh, deadline).finally(() => this.drains.delete(drain));
      this.drains.add(drain);
    }
    await Promise.all(this.drains);
  }

  private async drain(readings: readonly Reading[], deadline: Deadline): Promise<void> {
    for (const reading of readings) {
      reading.isRevoking = true;
      reading.paused = true;
    }
    this.settlement.hurry(readings);
    await this.parts.sink.onRevoking(readings, deadline);
    await settledBefore(
      this.settlement.commitSurely(() => !deadline.signal.aborted),
      deadline,
    );
    this.disown(readings);
  }

  private async leave(deadline: Deadline): Promise<void> {
    this.stopped.abort();
    this.settlement.stop();
    this.watch.stop();
    await this.giveUp(this.intake.of(), deadline);
    await settledBefore(this.settlement.whenClosed(), deadline);
    await this.member?.leave(deadline);
  }

  private wrap(thrown: unknown, about?: string): MessagingError {
    const { request, context, toMessagingError } = this.parts;
    const topic = about ?? (request.topics.length === 1 ? request.topics[0]?.topic : undefined);
    return toMessagingError(thrown, { connection: context.connection, groupId: request.groupId, topic });
  }
}
