import { randomUUID } from 'node:crypto';
import { deadlineIn, settledWithin, type Clock, type Deadline } from '../core/clock.js';
import { BrokerUnavailableError, MessagingError } from '../core/errors.js';
import { groupBy } from '../core/group-by.js';
import type { Log } from '../core/log.js';
import type { Connection } from '../connection/connection.js';
import type { Connections } from '../connection/connections.js';
import { BufferBudget } from '../dispatch/buffer-budget.js';
import type { HandlerRegistry } from '../discovery/handler.registry.js';
import type { ResolvedMessagingOptions } from '../options/messaging.options.js';
import type { Instrument } from '../pipeline/instrument.js';
import { describeHandler } from './describe-handler.js';
import type { HandlerReport } from './handler.report.js';
import { Member } from './member.js';
import { Preparation } from './preparation.js';

const FIRST_ATTEMPT_MS = 5_000;

export interface RuntimeParts {
  readonly options: ResolvedMessagingOptions;
  readonly connections: Connections;
  readonly registry: HandlerRegistry;
  /** What is read by hand, which ends with the handlers. */
  readonly streams: { drain(deadline: Deadline): Promise<void> };
  readonly instrument: Instrument;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Starts and stops the handlers of an app. Fetching begins when the strategy listens *and* every module has bootstrapped, whichever
 * comes last: a hybrid app listens before its modules are initialised.
 */
export class MessagingRuntime {
  /** Resolves when every handler that can be started has been. */
  started: Promise<unknown> = Promise.resolve();
  private found: ReadonlyMap<Connection, readonly Member[]> | undefined;
  private readonly budget: BufferBudget;
  private readonly preparation: Preparation;
  private listening: Promise<void> | undefined;
  private listens = false;
  isBootstrapped = false;
  private draining: Promise<void> | undefined;
  private readonly app = randomUUID();

  constructor(private readonly parts: RuntimeParts) {
    this.budget = new BufferBudget(parts.options.maxBufferBytes);
    this.preparation = new Preparation(parts);
  }

  /**
   * Ends with the first attempt to connect, so that wrong credentials and options make the start fail; a broker that does not answer is
   * retried in the background.
   */
  listen(): Promise<void> {
    this.listening ??= this.connectBound();
    return this.listening;
  }

  /** Every module has started. Without handlers to serve, the connections that are sent over are tried here. */
  async bootstrap(): Promise<void> {
    this.isBootstrapped = true;
    this.startWhenReady();
    if (!this.listening) await this.connectAll(this.sendingConnections);
  }

  /** Stops the intake, lets running handlers finish, keeps what they settled. May be called twice. */
  drain(): Promise<void> {
    this.draining ??= this.stopMembers();
    return this.draining;
  }

  /** Each group of each connection, whether it is joined or not. */
  get members(): readonly Member[] {
    return [...this.membersByConnection.values()].flat();
  }

  /** How many handlers and hooks run. */
  get running(): number {
    return this.members.reduce((sum, member) => sum + member.running, 0);
  }

  /** Whether an app was told to run the handlers. */
  get isListening(): boolean {
    return this.listening !== undefined;
  }

  get isDraining(): boolean {
    return this.draining !== undefined;
  }

  private get membersByConnection(): ReadonlyMap<Connection, readonly Member[]> {
    this.found ??= new Map(this.boundConnections.map((connection) => [connection, this.createMembers(connection)]));
    return this.found;
  }

  private async connectBound(): Promise<void> {
    await this.connectAll([...new Set([...this.boundConnections, ...this.sendingConnections])]);
    this.listens = true;
    this.startWhenReady();
  }

  /** The default connection, and those that handlers read from. */
  get boundConnections(): readonly Connection[] {
    return this.connectionsOf(this.parts.registry.definitions.handlers.map(({ connection }) => connection));
  }

  /** The default connection, and those that `@Producer` sends over: looked after at start, and no part of health. */
  private get sendingConnections(): readonly Connection[] {
    return this.connectionsOf(this.parts.registry.definitions.producing);
  }

  /** The default one among them. */
  private connectionsOf(names: readonly string[]): readonly Connection[] {
    const { connections } = this.parts;
    return [...new Set([connections.get(), ...names.map((name) => connections.get(name))])];
  }

  private async connectAll(connections: readonly Connection[]): Promise<void> {
    await Promise.all(connections.filter(({ isEnabled }) => isEnabled).map((connection) => this.connect(connection)));
  }

  private async connect(connection: Connection): Promise<void> {
    const attempt = connection.firstAttempt();
    const isUp = (await settledWithin(this.parts.clock, attempt, FIRST_ATTEMPT_MS)) && (await attempt);
    if (this.draining) return;
    const trouble = isUp ? await this.preparation.first(connection) : this.notReachable(connection);
    if (!trouble || this.draining) return;
    if (this.parts.options.failFast) throw trouble;
    if (isUp) this.parts.log.warn(trouble.message);
    const isRead = this.isListening && this.preparation.handlersOf(connection).length > 0; // its handlers look after it when they start
    const later = isRead ? attempt : this.preparation.surely(connection);
    later.catch((error: Error) => !this.draining && this.parts.log.error(error.message));
  }

  private startWhenReady(): void {
    if (!this.listens || !this.isBootstrapped || this.draining) return;
    this.started = Promise.all(this.boundConnections.map((connection) => this.startHandlers(connection)));
  }

  private async startHandlers(connection: Connection): Promise<void> {
    const members = this.membersByConnection.get(connection) ?? [];
    if (members.length === 0) return;
    const reports = members.flatMap(({ handlers }) => [...handlers.values()].map(({ report }) => report));
    if (!connection.isEnabled)
      return reports.forEach((report) => this.notStarted(report, `connection ${connection.name} is disabled`));
    try {
      await this.preparation.surely(connection);
      const driver = await connection.open();
      if (this.draining) return;
      for (const { definition } of reports) this.parts.log.log(describeHandler(definition));
      for (const member of members) member.start(driver);
    } catch (error) {
      if (!this.draining) for (const member of members) member.fail(error as Error);
    }
  }

  private createMembers(connection: Connection): Member[] {
    const { options, clock, log, instrument } = this.parts;
    const { maxPollRecords } = connection.settings.options;
    const { drainTimeoutMs } = options;
    const { features, formats } = connection;
    const { app, budget } = this;
    const parts = { app, maxPollRecords, drainTimeoutMs, clock, log, budget, features, formats, instrument };
    const groups = groupBy(this.preparation.handlersOf(connection), ({ groupId }) => groupId);
    return [...groups.values()].map((handlers) => new Member({ handlers, ...parts }));
  }

  private async stopMembers(): Promise<void> {
    const { clock, options, streams } = this.parts;
    const deadline: Deadline = deadlineIn(clock, options.shutdownTimeoutMs);
    const members = this.found ? this.members : [];
    this.preparation.stop();
    await Promise.all([...members.map((member) => member.stop(deadline)), streams.drain(deadline)]);
    deadline.cancel();
  }

  private notStarted(report: HandlerReport, reason: string): void {
    report.stopped(reason);
    this.parts.log.error(`Handler ${report.definition.name} is not started: ${reason}`);
  }

  private notReachable({ name }: Connection): MessagingError {
    const text = `Connection \`${name}\` is not up after ${FIRST_ATTEMPT_MS} ms, and \`failFast\` is set. Start the broker, or correct its address.`;
    return new BrokerUnavailableError(text, { connection: name });
  }
}
