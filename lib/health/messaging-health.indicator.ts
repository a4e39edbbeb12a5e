import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import { CLOCK } from '../messaging.tokens.js';
import type { Connection } from '../connection/connection.js';
import { RegistryUnavailableError, type SchemaRegistryError } from '../registry/errors.js';
import type { Member, MemberHandler } from '../worker/member.js';
import { MessagingRuntime } from '../worker/messaging.runtime.js';

/** Rebuilds of a group member without success after which only a new process may help. */
const MAX_REBUILDS = 3;
/**
 * A member that met an error and got no partitions since counts as troubled for so long, in ms; some get none although all is well.
 * A broker that had lost its data is told of for as long.
 */
const TROUBLE_MS = 60_000;

/** What the indicator says under its key; `status` is what a health check goes by. */
export interface MessagingHealth {
  readonly status: 'up' | 'down';
  /** What is wrong, one sentence each; empty when up. */
  readonly problems: readonly string[];
  /** What deserves a look, though messages flow. */
  readonly degraded: readonly string[];
  readonly connections: Readonly<Record<string, 'up' | 'down'>>;
  /** The names of handlers by their state. */
  readonly handlers: Readonly<Record<string, readonly string[]>>;
}

/** The shape of a health indicator's result in `@nestjs/terminus`, which is not needed for it. */
export type MessagingHealthResult<Key extends string = string> = Readonly<Record<Key, MessagingHealth>>;

/**
 * Whether this process can send and handle messages, for the three probes of an orchestrator. It only looks at what is known: no
 * probe calls a broker.
 *
 * @example
 * ```ts
 * @Get('ready') @HealthCheck()
 * ready() { return this.health.check([() => this.messaging.readiness()]); }
 * @Get('live') @HealthCheck()
 * live() { return this.health.check([() => this.messaging.liveness()]); }
 * ```
 */
@Injectable()
export class MessagingHealthIndicator {
  /** @internal */
  constructor(
    @Inject(MessagingRuntime) private readonly runtime: MessagingRuntime,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Down until the app has bootstrapped and its handlers have been started. */
  startup<Key extends string = 'messaging'>(key: Key = 'messaging' as Key): MessagingHealthResult<Key> {
    const starting = this.runtime.isBootstrapped ? [] : ['the app has not bootstrapped yet'];
    return this.result(key, [...starting, ...this.notStarted()]);
  }

  /**
   * Down while the default broker, or one that handlers read from, does not answer; while a handler has failed, or waits for its group to
   * be joined again; while a schema registry refuses this login; and as soon as the app closes. Not for slow handlers, nor for those that were paused or stopped on purpose.
   */
  readiness<Key extends string = 'messaging'>(key: Key = 'messaging' as Key): MessagingHealthResult<Key> {
    const closing = this.runtime.isDraining ? ['the app closes'] : [];
    const down = this.connections.flatMap(({ name, status }) =>
      status.state === 'down' ? [`connection ${name} is down: ${status.error.message}`] : [],
    );
    const failed = this.handlers.flatMap(({ report: { state, definition, reason } }) =>
      state === 'failed' ? [`handler ${definition.name} has failed: ${reason}`] : [],
    );
    const rejoining = this.troubled.map((member) => `${groupOf(member)} is being joined again: ${errorOf(member)}`);
    const refused = this.registries.flatMap(({ name, error }) =>
      error instanceof RegistryUnavailableError ? [] : [`the schema registry of ${name} refuses us: ${error.message}`],
    );
    return this.result(key, [...closing, ...down, ...refused, ...failed, ...rejoining, ...this.notStarted()]);
  }

  /** Down when the reading of messages is dead and its repair has failed several times: only a restart can help. */
  liveness<Key extends string = 'messaging'>(key: Key = 'messaging' as Key): MessagingHealthResult<Key> {
    const dead = this.troubled.filter(({ trouble }) => trouble.rebuilds >= MAX_REBUILDS);
    return this.result(
      key,
      dead.map(
        (member) => `${groupOf(member)} was rebuilt ${member.trouble.rebuilds} times in vain: ${errorOf(member)}`,
      ),
    );
  }

  private result<Key extends string>(key: Key, problems: readonly string[]): MessagingHealthResult<Key> {
    const health: MessagingHealth = {
      status: problems.length === 0 ? 'up' : 'down',
      problems,
      degraded: this.degraded(),
      connections: Object.fromEntries(this.connections.map(({ name, status }) => [name, status.state])),
      handlers: Object.fromEntries(
        [...groupBy(this.handlers, ({ report }) => report.state)].map(([state, own]) => [state, own.map(nameOf)]),
      ),
    };
    return { [key]: health } as MessagingHealthResult<Key>;
  }

  private degraded(): string[] {
    const unanswered = this.registries.flatMap(({ name, error }) =>
      error instanceof RegistryUnavailableError
        ? [`messages of ${name} wait for its schema registry: ${error.message}`]
        : [],
    );
    const since = this.clock.now() - TROUBLE_MS;
    const losses = this.runtime.members.flatMap(({ loss }) => (loss && loss.at > since ? [loss.error.message] : []));
    return [...unanswered, ...losses, ...this.overdue()];
  }

  private overdue(): string[] {
    return this.handlers.flatMap(({ report, runner }) =>
      report.counts.overdue > 0 && (runner?.load.unacked ?? 0) > 0
        ? [
            `handler ${report.definition.name} has not acknowledged messages within ${report.definition.ackTimeoutMs} ms`,
          ]
        : [],
    );
  }

  /** Handlers that nothing starts, in a process that only sends, are not waited for. */
  private notStarted(): string[] {
    if (!this.runtime.isListening) return [];
    return this.handlers.flatMap(({ report: { state, definition } }) =>
      state === 'waiting' ? [`handler ${definition.name} has not started yet`] : [],
    );
  }

  private get connections(): readonly Connection[] {
    return this.runtime.boundConnections.filter(({ isEnabled }) => isEnabled);
  }

  /** Schema registries that kept messages waiting within the last minute. */
  private get registries(): readonly { readonly name: string; readonly error: SchemaRegistryError }[] {
    return this.connections.flatMap(({ name, formats }) => {
      const error = formats.registry?.trouble;
      return error ? [{ name, error }] : [];
    });
  }

  private get handlers(): readonly MemberHandler[] {
    return this.runtime.members.flatMap(({ handlers }) => [...handlers.values()]);
  }

  private get troubled(): readonly Member[] {
    const since = this.clock.now() - TROUBLE_MS;
    return this.runtime.members.filter(({ trouble }) => trouble.error !== undefined && trouble.at >= since);
  }
}

function nameOf({ report }: MemberHandler): string {
  return report.definition.name;
}

function groupOf({ handlers }: Member): string {
  const [first] = handlers.values();
  return `group ${first?.report.definition.groupId} of ${first?.report.definition.connection}`;
}

function errorOf({ trouble }: Member): string {
  return trouble.error?.message ?? '';
}
