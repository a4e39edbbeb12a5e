import type { Clock } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import type { Hold, Retry, Settle, Verdict } from '../core/outcome.js';
import type { DispatchWork } from './dispatch-work.js';
import type { PartitionWork } from './partition-work.js';
import { tasksOf, type Unit } from './lanes.js';
import { Task } from './task.js';

export interface ConclusionParts {
  readonly work: DispatchWork;
  readonly clock: Clock;
  /** The handler acknowledges by itself. */
  readonly isManual: boolean;
  /** A lane is free while its outcome is being settled. */
  readonly isTransactional: boolean;
  /** The message is settled. */
  readonly onDone: (partition: PartitionWork, task: Task) => void;
  /** The message waits for something in a partition that is given up. */
  readonly onReleased: (partition: PartitionWork, task: Task) => void;
  /** Something may run that could not before. */
  readonly onChange: (partition: PartitionWork) => void;
}

/** The messages of one lane in one unit, of a handler that acknowledges by itself. */
interface LaneGroup {
  undecided: number;
  readonly failed: { readonly task: Task; readonly verdict: Retry | Hold }[];
}

/** What follows a verdict: settling, waiting for the next attempt, or nothing yet. */
export class Conclusion {
  constructor(private readonly parts: ConclusionParts) {}

  /** A single message. Returns nothing where nothing has to be waited for. */
  one(partition: PartitionWork, task: Task, verdict: Verdict): Promise<void> | void {
    if (this.parts.isManual) return this.undecided(partition, [task], [verdict]);
    if (task.isLost) return this.finish(partition, task);
    if (verdict.kind !== 'settle') return this.postpone(partition, task, verdict);
    task.state = 'settling';
    const settling = this.parts.work.settle(task, verdict);
    if (!settling) return this.finish(partition, task);
    if (!this.parts.isTransactional) {
      this.parts.onChange(partition);
      return settling.then(() => this.finish(partition, task));
    }
    this.free(partition, task);
    return settling.then(() => this.done(partition, task));
  }

  /** A batch, with one verdict each: its lanes apart from each other, the messages of a lane one after the other. */
  async batch(partition: PartitionWork, tasks: readonly Task[], verdicts: readonly Verdict[]): Promise<void> {
    if (this.parts.isManual) return this.undecided(partition, tasks, verdicts);
    const verdictOf = new Map(tasks.map((task, index) => [task, verdicts[index] as Verdict]));
    const lanes = groupBy(tasks, (task) => task.lane ?? task);
    await Promise.all([...lanes.values()].map((lane) => this.lane(partition, lane, verdictOf)));
  }

  /** Leaves out the messages of a unit that are not ours any more; returns those to be handled. */
  withoutLost(partition: PartitionWork, unit: Unit): Unit | undefined {
    if (unit instanceof Task && !unit.isLost) return unit;
    const tasks = tasksOf(unit);
    const kept = tasks.filter(({ isLost }) => !isLost);
    for (const task of tasks) {
      if (!task.isLost) continue;
      this.done(partition, task);
      if (!kept.some(({ lane }) => lane === task.lane)) partition.lanes.free(task);
    }
    return kept.length > 0 ? kept : undefined;
  }

  /** Their handler is about to run: one that acknowledges by itself may decide about each when it likes. */
  begin(partition: PartitionWork, unit: Unit): void {
    if (unit instanceof Task) unit.state = 'running';
    else for (const task of unit) task.state = 'running';
    if (this.parts.isManual) this.awaitDecisions(partition, tasksOf(unit));
  }

  private awaitDecisions(partition: PartitionWork, tasks: readonly Task[]): void {
    for (const lane of groupBy(tasks, (task) => task.lane ?? task).values()) {
      const group: LaneGroup = { undecided: lane.length, failed: [] };
      for (const task of lane)
        task.onDecide = (verdict) => {
          task.onDecide = undefined;
          void this.decide(partition, task, verdict, group);
        };
    }
  }

  /** The handlers have returned; those of the messages that are neither acknowledged nor failed still have a say. */
  private undecided(partition: PartitionWork, tasks: readonly Task[], verdicts: readonly Verdict[]): void {
    for (const [index, task] of tasks.entries()) {
      const verdict = verdicts[index] as Verdict;
      if (verdict.kind !== 'manual') task.decide(verdict);
      else if (task.state !== 'running') continue;
      else if (partition.isOpen) task.state = 'unacked';
      else this.parts.onReleased(partition, task);
    }
  }

  /** A failure holds up what follows it in its lane: that was not handled, whatever the handler says. */
  private async lane(
    partition: PartitionWork,
    tasks: readonly Task[],
    verdicts: ReadonlyMap<Task, Verdict>,
  ): Promise<void> {
    const settling: Promise<void>[] = [];
    for (const [index, task] of tasks.entries()) {
      const verdict = verdicts.get(task) as Verdict;
      if (task.isLost) {
        this.done(partition, task);
        continue;
      }
      if (verdict.kind !== 'settle') {
        this.postpone(partition, task, verdict);
        this.putBack(partition, tasks.slice(index + 1));
        return void (await Promise.all(settling));
      }
      const settled = this.settle(partition, task, verdict);
      if (this.parts.isTransactional) settling.push(settled);
      else await settled;
    }
    this.free(partition, tasks.at(-1) as Task);
    await Promise.all(settling);
  }

  private async decide(partition: PartitionWork, task: Task, verdict: Verdict, group: LaneGroup): Promise<void> {
    if (task.isLost) this.done(partition, task);
    else if (verdict.kind === 'settle') await this.settle(partition, task, verdict);
    else if (verdict.kind === 'retry' || verdict.kind === 'hold') {
      task.state = 'waiting';
      group.failed.push({ task, verdict });
    }
    group.undecided--;
    if (verdict.kind === 'stop') return this.postpone(partition, task, verdict);
    if (group.undecided > 0) return;
    const [first, ...others] = group.failed.toSorted((a, b) => a.task.seq - b.task.seq);
    if (!first) return this.free(partition, task);
    for (const other of others) if (other.verdict.kind === 'retry') other.task.attempt++;
    this.postpone(partition, first.task, first.verdict);
    this.putBack(
      partition,
      others.map((other) => other.task),
    );
  }

  private async settle(partition: PartitionWork, task: Task, verdict: Settle): Promise<void> {
    task.state = 'settling';
    partition.begin();
    await this.parts.work.settle(task, verdict);
    this.done(partition, task);
    partition.end();
  }

  private finish(partition: PartitionWork, task: Task): void {
    this.done(partition, task);
    this.free(partition, task);
  }

  private done(partition: PartitionWork, task: Task): void {
    task.state = 'done';
    partition.remove(task);
    this.parts.onDone(partition, task);
  }

  private free(partition: PartitionWork, task: Task): void {
    partition.lanes.free(task);
    this.parts.onChange(partition);
  }

  private postpone(partition: PartitionWork, task: Task, verdict: Exclude<Verdict, Settle>): void {
    switch (verdict.kind) {
      case 'retry':
        task.attempt++;
        return this.waitForRetry(partition, task, verdict.delayMs);
      case 'hold':
        partition.heldUntil = this.parts.clock.now() + verdict.delayMs;
        return this.waitForRetry(partition, task, verdict.delayMs);
      case 'stop':
        this.parts.onReleased(partition, task);
        return this.parts.work.stop(verdict.error);
      case 'manual':
        return;
    }
  }

  private waitForRetry(partition: PartitionWork, task: Task, delayMs: number): void {
    if (!partition.isOpen) return this.parts.onReleased(partition, task);
    task.state = 'waiting';
    task.cancelWait = this.parts.clock.after(delayMs, () => {
      task.cancelWait = undefined;
      task.state = 'queued';
      partition.lanes.requeue(task);
      this.parts.onChange(partition);
    });
  }

  private putBack(partition: PartitionWork, tasks: readonly Task[]): void {
    if (!partition.isOpen) return tasks.forEach((task) => this.parts.onReleased(partition, task));
    for (const task of tasks) task.state = 'queued';
    partition.lanes.putBack(tasks);
  }
}
