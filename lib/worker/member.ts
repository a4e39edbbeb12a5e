import { settledBefore, type Clock, type Deadline } from '../core/clock.js';
import type { Delivery, Partition } from '../core/delivery.js';
import {
  AuthenticationError,
  AuthorizationError,
  BrokerUnavailableError,
  UnknownTopicError,
  type MessagingError,
} from '../core/errors.js';
import { groupBy } from '../core/group-by.js';
import type { Log } from '../core/log.js';
import type { BufferBudget } from '../dispatch/buffer-budget.js';
import type {
  DeliverySink,
  Driver,
  Features,
  SubscribeRequest,
  Subscription,
  TopicSubscription,
} from '../driver/driver.js';
import type { Instrument } from '../pipeline/instrument.js';
import { HandlerReport } from './handler.report.js';
import { HandlerRunner } from './handler.runner.js';
import type { Formats } from '../serialization/formats.js';
import type { HandlerDefinition } from './handler-definition.js';

export interface MemberOptions {
  /** The id of the app. */
  readonly app: string;
  readonly handlers: readonly HandlerDefinition[];
  readonly maxPollRecords: number;
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly budget: BufferBudget;
  readonly features: Features;
  readonly formats: Formats;
  readonly instrument?: Instrument | undefined;
}

/** A handler of this member: its runner is there while the member is joined with it. */
export interface MemberHandler {
  readonly report: HandlerReport;
  runner: HandlerRunner | undefined;
}

/** A broker that is away or refuses: a new process would fare no better. */
const SAID_BY_BROKERS = [BrokerUnavailableError, AuthenticationError, AuthorizationError, UnknownTopicError];

/** Faults since the member last got partitions: `rebuilds` are those that no broker explains. */
export interface MemberTrouble {
  rebuilds: number;
  at: number;
  error: MessagingError | undefined;
}

/** The broker had lost what the group needs, and perhaps messages. */
export interface MemberLoss {
  readonly at: number;
  readonly error: MessagingError;
}

/**
 * This process as a member of one group on one connection; handlers of the same group on other topics share it. While some of its
 * handlers are stopped their topics rest; when all are, it leaves the group.
 */
export class Member implements DeliverySink {
  readonly handlers: ReadonlyMap<string, MemberHandler>;
  readonly trouble: MemberTrouble = { rebuilds: 0, at: 0, error: undefined };
  /** The last one, from which the driver has recovered. */
  loss: MemberLoss | undefined;
  private runners: ReadonlyMap<string, HandlerRunner> = new Map();
  private subscription: Subscription | undefined;
  private driver: Driver | undefined;

  constructor(private readonly options: MemberOptions) {
    const { app, handlers, log } = options;
    this.handlers = new Map(
      handlers.map((one) => [one.name, { report: new HandlerReport(one, app, log), runner: undefined }]),
    );
  }

  start(driver: Driver): void {
    this.driver = driver;
    this.join();
  }

  /** Leaves the group; what runs is finished within the deadline. */
  async stop(deadline: Deadline, reason = 'the app closes'): Promise<void> {
    await this.leave(deadline);
    for (const { report } of this.handlers.values()) report.stopped(reason);
  }

  async startHandler(name: string, deadline: Deadline): Promise<void> {
    const own = this.handlers.get(name) as MemberHandler;
    const { state } = own.report;
    if (state === 'running' || state === 'waiting') return;
    own.report.started('waiting');
    if (!this.driver) return;
    if (state !== 'failed' && own.runner) return this.unsuspend(own);
    await this.leave(deadline);
    this.join();
  }

  async stopHandler(name: string, deadline: Deadline): Promise<void> {
    const own = this.handlers.get(name) as MemberHandler;
    own.report.stopped('WorkerService stopped it');
    if (!this.subscription || !own.runner) return;
    if (this.active.length === 0) return this.leave(deadline);
    own.runner.suspend();
    await settledBefore(own.runner.whenIdle(), deadline);
  }

  pauseHandler(name: string): void {
    const { report, runner } = this.handlers.get(name) as MemberHandler;
    if (report.state !== 'running' && report.state !== 'waiting') return;
    report.started('paused');
    runner?.suspend();
  }

  resumeHandler(name: string): void {
    const own = this.handlers.get(name) as MemberHandler;
    if (own.report.state !== 'paused') return;
    if (own.runner) this.unsuspend(own);
    else own.report.started('waiting');
  }

  /** None of its handlers can be started. */
  fail(error: Error): void {
    for (const { report } of this.active) report.failed(error);
  }

  /** How many handlers and hooks run. */
  get running(): number {
    return [...new Set(this.runners.values())].reduce((sum, runner) => sum + runner.running, 0);
  }

  onAssigned(partitions: readonly Partition[]): void {
    this.trouble.rebuilds = 0;
    this.trouble.error = undefined;
    for (const [runner, own] of this.byRunner(partitions)) runner.assign(own);
  }

  onDeliveries(partition: Partition, deliveries: readonly Delivery[]): void {
    this.runners.get(partition.topic)?.receive(partition, deliveries);
  }

  async onRevoking(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    await Promise.all(this.byRunner(partitions).map(([runner, own]) => runner.revoke(own, deadline)));
  }

  onLost(partitions: readonly Partition[]): void {
    for (const [runner, own] of this.byRunner(partitions)) runner.lose(own);
  }

  onTaken(partition: Partition, deliveries: readonly Delivery[]): void {
    this.runners.get(partition.topic)?.loseMessages(partition, deliveries);
  }

  onLate(partition: Partition, count: number): void {
    this.runners.get(partition.topic)?.report.late(partition, count);
  }

  onError(error: MessagingError, { fatal }: { readonly fatal: boolean }): void {
    if (fatal) return this.fail(error);
    this.trouble.at = this.options.clock.now();
    this.trouble.error = error;
    if (!SAID_BY_BROKERS.some((kind) => error instanceof kind)) this.trouble.rebuilds++;
    this.options.log.warn(`${[...this.handlers.keys()].join(', ')}: ${error.message}`);
  }

  onRestored(error: MessagingError): void {
    this.loss = { at: this.options.clock.now(), error };
  }

  /** Handlers that are to run, now or once the broker is there. */
  private get active(): MemberHandler[] {
    return [...this.handlers.values()].filter(({ report: { state } }) => state !== 'stopped' && state !== 'failed');
  }

  private join(): void {
    const { driver, active } = this;
    if (!driver || active.length === 0) return;
    const joined: { subscription: Subscription | undefined } = { subscription: undefined };
    for (const one of active) this.open(one, () => joined.subscription as Subscription);
    this.runners = new Map(
      active.flatMap(({ report, runner }) =>
        topicsOf(report.definition).map(({ topic }) => [topic, runner as HandlerRunner] as const),
      ),
    );
    joined.subscription = driver.subscribe(this.request(active), this);
    this.subscription = joined.subscription;
  }

  private open(own: MemberHandler, subscription: () => Subscription): void {
    const { report } = own;
    own.runner = new HandlerRunner(report.definition, { ...this.options, report, subscription });
    if (report.state === 'paused') own.runner.suspend();
    else report.started('running');
  }

  private unsuspend({ report, runner }: MemberHandler): void {
    report.started('running');
    runner?.unsuspend();
  }

  /** Nothing begins any more from here on, even where the driver first has to ask its broker to stop. */
  private async leave(deadline: Deadline): Promise<void> {
    for (const runner of new Set(this.runners.values())) runner.suspend();
    await this.subscription?.stop(deadline);
    this.subscription = undefined;
    for (const one of this.handlers.values()) one.runner = undefined;
  }

  private request(active: readonly MemberHandler[]): SubscribeRequest {
    const { maxPollRecords, drainTimeoutMs } = this.options;
    const definitions = active.map(({ report }) => report.definition);
    const groupId = definitions[0]?.groupId ?? '';
    return { groupId, topics: definitions.flatMap(topicsOf), maxPollRecords, drainTimeoutMs };
  }

  private byRunner(partitions: readonly Partition[]): (readonly [HandlerRunner, Partition[]])[] {
    const byRunner = [...groupBy(partitions, ({ topic }) => this.runners.get(topic))];
    return byRunner.flatMap(([runner, own]) => (runner ? [[runner, own] as const] : []));
  }
}

/** What a handler reads: its topic, and those where its messages wait. */
function topicsOf({ topic, retryTopics, dispatch, ...own }: HandlerDefinition): TopicSubscription[] {
  const { autoOffsetReset, maxUncommitted, transactionIntervalMs } = own;
  const shared = { maxUncommitted, maxInFlight: dispatch.maxInFlight, transactionIntervalMs };
  const waiting = [...retryTopics.keys()].map((name) => ({
    topic: name,
    autoOffsetReset: 'earliest' as const,
    ...shared,
  }));
  return [{ topic, autoOffsetReset, ...shared }, ...waiting];
}
