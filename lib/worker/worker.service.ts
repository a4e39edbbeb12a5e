import { deadlineIn, type Clock, type Deadline } from '../core/clock.js';
import { ClosedError, MessagingError } from '../core/errors.js';
import { didYouMean } from '../options/suggest.js';
import type { WorkerState } from './handler.report.js';
import type { Member, MemberHandler } from './member.js';
import type { MessagingRuntime } from './messaging.runtime.js';

/** What a handler is doing, and what it has done since the app started. */
export interface WorkerStats {
  /** Messages that the handler has now, or whose outcome is being written. */
  readonly running: number;
  /** Messages that failed and wait for their next attempt. */
  readonly retrying: number;
  /** Messages that a handler with `ack: 'manual'` has returned from without a decision. */
  readonly unacked: number;
  /** Messages received that wait for their turn. */
  readonly queued: number;
  /** The unfinished message that was sent first. */
  readonly oldestUnsettled:
    | {
        readonly topic: string;
        readonly partition: number;
        readonly offset: string;
        /** Milliseconds since the epoch, as its sender or the broker stamped it. */
        readonly timestamp: number;
      }
    | undefined;
  readonly handled: number;
  /** Settled without a call, or by `skip`. */
  readonly skipped: number;
  /** Written to a retry topic. */
  readonly parked: number;
  readonly deadLettered: number;
  /** Given up where no dead letters are wanted. */
  readonly dropped: number;
  /** Failed attempts that were followed by another. */
  readonly retries: number;
  /** Messages that were not acknowledged within `ackTimeoutMs`. */
  readonly overdue: number;
  /** Messages that the handler had and lost, since this process was silent for too long or its member crashed: another member has them, or may have them. */
  readonly taken: number;
  /** Outcomes that counted for nothing: another member had taken their message, and settled it before. For brokers whose members share a partition. */
  readonly late: number;
}

/** A handler of this app. */
export interface WorkerInfo {
  readonly name: string;
  /** Where its code stands: `TaskWorker in AppModule`. */
  readonly place: string;
  readonly connection: string;
  readonly topic: string;
  readonly groupId: string;
  readonly outputTopic: string | undefined;
  readonly concurrency: number;
  readonly state: WorkerState;
  /** Why it is stopped or has failed. */
  readonly reason: string | undefined;
}

/** There is no handler of that name. */
export class UnknownWorkerError extends MessagingError {}

/**
 * The handlers of this process, at run time.
 *
 * @example
 * ```ts
 * constructor(private readonly workers: WorkerService) {}
 * this.workers.pause('TaskWorker');              // takes nothing new; what it has waits
 * await this.workers.stop('Audit.onEvent');      // finishes what runs, and leaves the group with its last handler
 * this.workers.stats('TaskWorker').oldestUnsettled;
 * ```
 */
export class WorkerService {
  /** Starts and stops follow each other: a member joins and leaves its group one step at a time. */
  private last: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(
    private readonly runtime: MessagingRuntime,
    private readonly clock: Clock,
    private readonly shutdownTimeoutMs: number,
  ) {}

  list(): readonly WorkerInfo[] {
    return this.runtime.members.flatMap(({ handlers }) => [...handlers.values()].map(infoOf));
  }

  /** @throws UnknownWorkerError */
  get(name: string): WorkerInfo {
    return infoOf(this.find(name).handler);
  }

  /** @throws UnknownWorkerError */
  stats(name: string): WorkerStats {
    const { runner, report } = this.find(name).handler;
    const { running = 0, retrying = 0, unacked = 0, queued = 0, oldest } = runner?.load ?? {};
    return {
      running,
      retrying,
      unacked,
      queued,
      oldestUnsettled: oldest && positionOf(oldest),
      ...report.counts,
    };
  }

  /** Starts a handler that was stopped or has failed. Of a broker that does not answer yet, it starts when it does. */
  start(name: string): Promise<void> {
    return this.inTurn(name, (member, deadline) => member.startHandler(name, deadline));
  }

  /**
   * Resolves when what runs has finished, at most `shutdownTimeoutMs` later. The last handler of a group leaves it; until then its topics
   * rest, unfinished.
   */
  stop(name: string): Promise<void> {
    return this.inTurn(name, (member, deadline) => member.stopHandler(name, deadline));
  }

  /** Takes nothing new and starts nothing; what runs finishes, the process stays in the group and keeps its partitions. */
  pause(name: string): void {
    this.find(name).member.pauseHandler(name);
  }

  /** Ends a pause. */
  resume(name: string): void {
    this.find(name).member.resumeHandler(name);
  }

  private async inTurn(name: string, step: (member: Member, deadline: Deadline) => Promise<void>): Promise<void> {
    const { member } = this.find(name);
    const turn = this.last.then(() => this.within(member, step));
    this.last = turn.catch(() => {});
    return turn;
  }

  private async within(member: Member, step: (member: Member, deadline: Deadline) => Promise<void>): Promise<void> {
    if (this.runtime.isDraining)
      throw new ClosedError('The app closes; no handler can be started or stopped any more.');
    const deadline = deadlineIn(this.clock, this.shutdownTimeoutMs);
    await step(member, deadline);
    deadline.cancel();
  }

  private find(name: string): { readonly member: Member; readonly handler: MemberHandler } {
    for (const member of this.runtime.members) {
      const handler = member.handlers.get(name);
      if (handler) return { member, handler };
    }
    const names = this.list().map((one) => one.name);
    const hint = didYouMean(name, names) || `; known are ${names.join(', ')}.`;
    throw new UnknownWorkerError(`There is no handler \`${name}\`${hint}`);
  }
}

function infoOf({ report }: MemberHandler): WorkerInfo {
  const { name, place, connection, topic, groupId, outputTopic, dispatch } = report.definition;
  const { state, reason } = report;
  const { concurrency } = dispatch;
  return { name, place, connection, topic, groupId, outputTopic, concurrency, state, reason };
}

function positionOf({
  partition,
  offset,
  timestamp,
}: {
  readonly partition: { readonly topic: string; readonly index: number };
  readonly offset: string;
  readonly timestamp: number;
}) {
  return { topic: partition.topic, partition: partition.index, offset, timestamp };
}
