import { settledBefore, type Clock, type Deadline } from '../core/clock.js';
import type { Delivery, Partition } from '../core/delivery.js';
import { Fifo } from '../core/fifo.js';
import { BatchLanes, type BatchOptions } from './batch-lanes.js';
import type { BufferBudget } from './buffer-budget.js';
import { Conclusion } from './conclusion.js';
import type { DispatchWork } from './dispatch-work.js';
import { Intake, type IntakeOptions } from './intake.js';
import { KeyLanes } from './key-lanes.js';
import { tasksOf, type Ordering, type Unit } from './lanes.js';
import { PartitionWork } from './partition-work.js';
import { loadOf, type DispatcherLoad } from './load.js';
import type { Task } from './task.js';

export interface DispatcherOptions extends BatchOptions, IntakeOptions {
  /** Handlers that run at once. Waiting retries and outcomes being settled hold no slot. */
  readonly concurrency: number;
  readonly ordering: Ordering;
  /** The handler takes arrays, of one message too. */
  readonly isBatch: boolean;
  /** The handler acknowledges by itself. */
  readonly isManual: boolean;
  /** Outcomes are held and written together, in the order of their messages: a lane is free once its outcome is held. */
  readonly isTransactional: boolean;
}

export interface DispatcherParts {
  readonly work: DispatchWork;
  readonly clock: Clock;
  readonly budget: BufferBudget;
  /** Topics whose messages have been tried before: they are handled singly, each when it is due. */
  readonly retryTopics: ReadonlySet<string>;
}

/**
 * Chooses lane and moment for each delivery. Partitions take turns, and within a partition its lanes do, so that neither a hot key
 * nor a slow partition starves the others.
 */
export class Dispatcher {
  private readonly partitions = new Map<Partition, PartitionWork>();
  /** Partitions with something to run, in the order of their turns. */
  private readonly turns = new Fifo<PartitionWork>();
  private readonly conclusion: Conclusion;
  private readonly intake: Intake;
  private runs = 0;
  private halted = false;

  constructor(
    private readonly options: DispatcherOptions,
    private readonly parts: DispatcherParts,
  ) {
    const { work, clock } = parts;
    this.intake = new Intake(options, parts);
    this.conclusion = new Conclusion({
      work,
      clock,
      isManual: options.isManual,
      isTransactional: options.isTransactional,
      onDone: (own, task) => this.onDone(own, task),
      onReleased: (own, task) => this.release(own, task),
      onChange: (own) => this.wake(own),
    });
  }

  assign(partitions: readonly Partition[]): void {
    for (const partition of partitions) {
      const own = this.open(partition);
      this.partitions.set(partition, own);
      if (this.halted || this.intake.isPaused) this.intake.hold(own);
    }
  }

  receive(partition: Partition, deliveries: readonly Delivery[]): void {
    const own = this.partitions.get(partition);
    if (!own?.isOpen) return;
    for (const delivery of deliveries) this.accept(own, delivery);
    this.intake.pauseIfFull(own);
    this.wake(own);
  }

  /** Stops starting, releases what no handler has, and waits for what runs until the deadline; then tells it to end. */
  async revoke(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    const own = this.take(partitions);
    for (const partition of own) this.releaseIdle(partition);
    const idle = Promise.all(own.map((partition) => partition.whenIdle()));
    if (!(await settledBefore(idle, deadline))) for (const partition of own) partition.abandon();
  }

  /** The partitions are another's: nothing can be settled, what runs is told to end. */
  lose(partitions: readonly Partition[]): void {
    for (const own of this.take(partitions)) {
      for (const task of own.unsettled) this.parts.work.taken(task);
      for (const task of own.close()) this.forget(task);
      own.abandon();
    }
  }

  /** These messages are another member's: none of them is begun, and what runs is told to end. */
  loseMessages(partition: Partition, deliveries: readonly Delivery[]): void {
    for (const task of this.partitions.get(partition)?.loseMessages(deliveries) ?? []) this.parts.work.taken(task);
  }

  /** Starts nothing any more, of no partition; what runs ends as it will. */
  halt(): void {
    this.halted = true;
    for (const [partition, own] of this.partitions) {
      this.parts.work.pause(partition);
      this.releaseIdle(own);
    }
  }

  /** Starts nothing and takes nothing in until `resume`; what runs ends as it will, and what waits is kept. */
  pause(): void {
    this.intake.pauseAll(this.partitions.values());
  }

  resume(): void {
    this.intake.resumeAll(this.partitions.values());
    for (const own of this.partitions.values()) this.wake(own);
  }

  /** Resolves when no handler runs and nothing is being settled. */
  async whenIdle(): Promise<void> {
    await Promise.all([...this.partitions.values()].map((own) => own.whenIdle()));
  }

  /** What is at work and what waits, over all partitions. */
  get load(): DispatcherLoad {
    return loadOf([...this.partitions.values()].flatMap((own) => own.unsettled));
  }

  get running(): number {
    return this.runs;
  }

  private open(partition: Partition): PartitionWork {
    const { ordering, isBatch } = this.options;
    const isRetryTopic = this.parts.retryTopics.has(partition.topic);
    const lanes =
      isBatch && !isRetryTopic ? new BatchLanes(this.options, () => this.parts.clock.now()) : new KeyLanes();
    const own = new PartitionWork(partition, lanes, { ordering, isRetryTopic });
    if (this.halted) own.close();
    return own;
  }

  private accept(own: PartitionWork, delivery: Delivery): void {
    const task = own.accept(delivery);
    this.parts.budget.add(task.bytes);
    const notBefore = this.parts.work.notBefore(delivery);
    const delayMs = notBefore === undefined ? 0 : notBefore - this.parts.clock.now();
    if (delayMs <= 0) return own.lanes.push(task);
    task.state = 'waiting';
    task.cancelWait = this.parts.clock.after(delayMs, () => {
      task.state = 'queued';
      own.lanes.push(task);
      this.wake(own);
    });
  }

  /** These are no longer ours to give work to. */
  private take(partitions: readonly Partition[]): PartitionWork[] {
    return partitions.flatMap((partition) => {
      const own = this.partitions.get(partition);
      this.partitions.delete(partition);
      return own ?? [];
    });
  }

  private releaseIdle(own: PartitionWork): void {
    for (const task of own.close()) this.release(own, task);
  }

  private release(own: PartitionWork, task: Task): void {
    own.remove(task);
    this.forget(task);
    this.parts.work.release(task);
  }

  private forget(task: Task): void {
    this.parts.budget.free(task.bytes);
    task.onDecide = undefined;
    task.onAbandon?.();
  }

  private onDone(own: PartitionWork, task: Task): void {
    this.parts.budget.free(task.bytes);
    this.intake.resumeIfRoom(own);
  }

  private wake(own: PartitionWork): void {
    this.queueTurn(own);
    this.pump();
  }

  private queueTurn(own: PartitionWork): void {
    if (!own.isOpen || own.isInTurn) return;
    if (own.isHeld(this.parts.clock)) return this.wakeAt(own, own.heldUntil);
    if (own.lanes.hasReady()) {
      own.isInTurn = true;
      this.turns.push(own);
      return;
    }
    const at = own.lanes.readyAt();
    if (at !== undefined) this.wakeAt(own, at);
  }

  private wakeAt(own: PartitionWork, at: number): void {
    own.cancelTimer?.();
    own.cancelTimer = this.parts.clock.after(at - this.parts.clock.now(), () => {
      own.cancelTimer = undefined;
      this.wake(own);
    });
  }

  private pump(): void {
    while (this.runs < this.options.concurrency && !this.intake.isPaused) {
      const own = this.turns.shift();
      if (!own) return;
      own.isInTurn = false;
      const next = own.isOpen && !own.isHeld(this.parts.clock) ? own.lanes.take() : undefined;
      const unit = next && this.conclusion.withoutLost(own, next);
      if (unit) this.start(own, unit);
      this.queueTurn(own);
    }
  }

  private start(own: PartitionWork, unit: Unit): void {
    this.runs++;
    own.begin();
    this.conclusion.begin(own, unit);
    void (this.options.isBatch ? this.runBatch(own, tasksOf(unit)) : this.runOne(own, unit as Task));
  }

  private async runOne(own: PartitionWork, task: Task): Promise<void> {
    const verdict = await this.parts.work.run(task);
    this.runs--;
    const concluding = this.conclusion.one(own, task, verdict);
    if (concluding) await concluding;
    own.end();
    this.pump();
  }

  private async runBatch(own: PartitionWork, tasks: readonly Task[]): Promise<void> {
    const verdicts = await this.parts.work.runBatch(tasks);
    this.runs--;
    await this.conclusion.batch(own, tasks, verdicts);
    own.end();
    this.pump();
  }
}
