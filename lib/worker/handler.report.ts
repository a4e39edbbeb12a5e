import type { Attempt } from '../core/attempt.js';
import type { Partition } from '../core/delivery.js';
import { DeserializationError } from '../core/errors.js';
import { events, type HandlerEvent, type MessageEvent } from '../core/events.js';
import type { Log } from '../core/log.js';
import type { SettledAs, Verdict } from '../core/outcome.js';
import { errorText } from '../pipeline/error-text.js';
import type { PipelineReport } from '../pipeline/pipeline-options.js';
import type { HandlerDefinition } from './handler-definition.js';

/**
 * - `waiting`: for the app to start, or for its broker.
 * - `running`, `paused`: a member of its group.
 * - `stopped`: on purpose: by `WorkerService`, with the app, or because its connection is disabled.
 * - `failed`: by an error; it does not start again by itself.
 */
export type WorkerState = 'waiting' | 'running' | 'paused' | 'stopped' | 'failed';

/** What became of a handler's messages since the app started; `retries` are failed attempts that another followed. */
export type Counts = Record<SettledAs | 'retries' | 'overdue' | 'taken' | 'late', number>;

const NOTHING: Counts = {
  handled: 0,
  skipped: 0,
  parked: 0,
  deadLettered: 0,
  dropped: 0,
  retries: 0,
  overdue: 0,
  taken: 0,
  late: 0,
};

/** Counts, logs and publishes what happens to a handler and its messages. A message that succeeds costs one addition where nobody listens. */
export class HandlerReport implements PipelineReport {
  state: WorkerState = 'waiting';
  /** Why it is stopped or has failed. */
  reason: string | undefined;
  readonly counts: Counts = { ...NOTHING };
  private readonly told = new WeakSet<Error>();

  constructor(
    readonly definition: HandlerDefinition,
    /** The id of the app, which its events carry. */
    private readonly app: string,
    private readonly log: Log,
  ) {}

  settled({ delivery: { partition, offset }, attempt }: Attempt, as: SettledAs): void {
    this.counts[as]++;
    if (!events.settled.hasSubscribers) return;
    const { app } = this;
    const { name: handler, connection, groupId } = this.definition;
    const { topic, index } = partition;
    events.settled.publish({ app, handler, connection, groupId, topic, partition: index, offset, attempt, as });
  }

  /** A call of the handler has ended, and this follows. */
  attempted(attempt: Place, verdict: Verdict['kind'], durationMs: number): void {
    events.attempt.publish({ ...this.event(attempt), verdict, durationMs });
  }

  retrying(attempt: Attempt, delayMs: number, error: Error): void {
    this.counts.retries++;
    this.log.warn(`${this.text(attempt)} failed, the next attempt is in ${delayMs} ms: ${errorText(error)}`);
    if (events.retry.hasSubscribers) events.retry.publish({ ...this.event(attempt), delayMs, error });
  }

  gaveUp(attempt: Attempt, reason: string, error: Error): void {
    const { deadLetter } = this.definition;
    this.logGivenUp(`${this.text(attempt)} is given up (${reason}): ${errorText(error)}`, error);
    if (!events.gaveUp.hasSubscribers) return;
    const deadLetterTopic = deadLetter.kind === 'topic' ? deadLetter.topic : undefined;
    events.gaveUp.publish({ ...this.event(attempt), reason, deadLetterTopic, error });
  }

  held(attempt: Attempt, error: Error): void {
    this.log.warn(`${this.text(attempt)} and what follows it waits: ${error.message}`);
  }

  ackOverdue(attempt: Attempt): void {
    this.counts.overdue++;
    this.log.error(`${this.text(attempt)} was not acknowledged within ${this.definition.ackTimeoutMs} ms.`);
    if (events.ackOverdue.hasSubscribers) events.ackOverdue.publish(this.event(attempt));
  }

  taken(attempt: Attempt): void {
    this.counts.taken++;
    if (events.taken.hasSubscribers) events.taken.publish(this.event(attempt));
  }

  late({ topic, index }: Partition, count: number): void {
    this.counts.late += count;
    if (events.late.hasSubscribers) events.late.publish({ ...this.handler, topic, partition: index, count });
  }

  started(state: 'waiting' | 'running' | 'paused'): void {
    const isNew = state === 'running' && this.state !== 'paused' && this.state !== 'running';
    this.state = state;
    this.reason = undefined;
    if (isNew && events.handlerStarted.hasSubscribers) events.handlerStarted.publish(this.handler);
  }

  stopped(reason: string): void {
    if (this.state === 'failed') return;
    this.state = 'stopped';
    this.reason = reason;
    if (events.handlerStopped.hasSubscribers) events.handlerStopped.publish({ ...this.handler, error: undefined });
  }

  failed(error: Error): void {
    this.state = 'failed';
    this.reason = error.message;
    this.log.error(`Handler ${this.definition.name} stopped: ${error.message}`, error.stack);
    if (events.handlerStopped.hasSubscribers) events.handlerStopped.publish({ ...this.handler, error });
  }

  /** A schema that cannot be read gives the same error for each of its messages, and one of them tells it all. */
  private logGivenUp(text: string, error: Error): void {
    if (this.told.has(error)) return this.log.debug(text);
    if (error instanceof DeserializationError) this.told.add(error);
    this.log.error(text, error.stack);
  }

  private text({ delivery: { partition, offset }, attempt }: Attempt): string {
    return `${this.definition.name}: ${partition.topic}/${partition.index} offset ${offset}, attempt ${attempt},`;
  }

  private event({ delivery: { partition, offset }, attempt }: Place): MessageEvent {
    return { ...this.handler, topic: partition.topic, partition: partition.index, offset, attempt };
  }

  private get handler(): HandlerEvent {
    const { name, connection, groupId } = this.definition;
    return { app: this.app, handler: name, connection, groupId };
  }
}

type Place = Pick<Attempt, 'delivery' | 'attempt'>;
