import type { Clock, Deadline } from '../core/clock.js';
import type { Delivery, Partition } from '../core/delivery.js';
import { ClosedError, toError } from '../core/errors.js';
import { events } from '../core/events.js';
import { HEADER } from '../core/header-names.js';
import type { Log } from '../core/log.js';
import { RELEASE, type Settle, type Verdict } from '../core/outcome.js';
import type { BufferBudget } from '../dispatch/buffer-budget.js';
import type { DispatchWork } from '../dispatch/dispatch-work.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import type { DispatcherLoad } from '../dispatch/load.js';
import type { Task } from '../dispatch/task.js';
import type { Features, Subscription } from '../driver/driver.js';
import { runBatchPipeline } from '../pipeline/batch-pipeline.js';
import type { OutputFormats } from '../pipeline/output.js';
import type { PipelineOptions } from '../pipeline/pipeline-options.js';
import type { Instrument } from '../pipeline/instrument.js';
import { runPipeline } from '../pipeline/pipeline.js';
import type { RetryTopics } from '../pipeline/retry-record.js';
import type { Formats } from '../serialization/formats.js';
import { rawSerializer } from '../serialization/raw.serializer.js';
import type { HandlerDefinition } from './handler-definition.js';
import type { HandlerReport } from './handler.report.js';

export interface RunnerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly budget: BufferBudget;
  readonly features: Features;
  readonly formats: Formats;
  readonly instrument?: Instrument | undefined;
  readonly subscription: () => Subscription;
  readonly report: HandlerReport;
}

/** Joins a handler's dispatcher, its pipeline and the driver that settles. */
export class HandlerRunner implements DispatchWork {
  readonly report: HandlerReport;
  private readonly dispatcher: Dispatcher;
  private readonly pipeline: PipelineOptions;
  private hooks = 0;

  constructor(
    readonly definition: HandlerDefinition,
    private readonly parts: RunnerParts,
  ) {
    const { clock, log, budget, features, formats, instrument } = parts;
    const retryTopics = new Set(definition.retryTopics.keys());
    this.report = parts.report;
    this.dispatcher = new Dispatcher(definition.dispatch, { work: this, clock, budget, retryTopics });
    this.pipeline = {
      ...definition,
      handlerName: definition.name,
      target: definition.openTarget(),
      instrument,
      isManual: definition.dispatch.isManual,
      outputTopic: definition.refs.outputTopic,
      serializer: definition.raw ? rawSerializer : formats.of(definition.refs.topic),
      outputs: definition.raw ? rawOutputs(formats) : formats,
      retryTopics: retryTopicsOf(definition),
      hasPartitions: features.partitions,
      report: this.report,
      random: Math.random,
      clock,
      log,
    };
  }

  /** How many handlers and hooks run. */
  get running(): number {
    return this.dispatcher.running + this.hooks;
  }

  assign(partitions: readonly Partition[]): void {
    this.dispatcher.assign(partitions);
  }

  receive(partition: Partition, deliveries: readonly Delivery[]): void {
    this.dispatcher.receive(partition, deliveries);
  }

  revoke(partitions: readonly Partition[], deadline: Deadline): Promise<void> {
    return this.dispatcher.revoke(partitions, deadline);
  }

  lose(partitions: readonly Partition[]): void {
    this.dispatcher.lose(partitions);
  }

  loseMessages(partition: Partition, deliveries: readonly Delivery[]): void {
    this.dispatcher.loseMessages(partition, deliveries);
  }

  /** Starts nothing more until `resume`; what runs ends as it will. */
  suspend(): void {
    this.dispatcher.pause();
  }

  unsuspend(): void {
    this.dispatcher.resume();
  }

  whenIdle(): Promise<void> {
    return this.dispatcher.whenIdle();
  }

  get load(): DispatcherLoad {
    return this.dispatcher.load;
  }

  run(task: Task): Promise<Verdict> {
    return events.attempt.hasSubscribers ? this.timed(task) : runPipeline(task, this.pipeline);
  }

  async runBatch(tasks: readonly Task[]): Promise<readonly Verdict[]> {
    const start = performance.now();
    const verdicts = await runBatchPipeline(tasks, this.pipeline);
    const durationMs = performance.now() - start;
    if (events.attempt.hasSubscribers)
      for (const [index, task] of tasks.entries())
        this.report.attempted(task, (verdicts[index] as Verdict).kind, durationMs);
    return verdicts;
  }

  settle(task: Task, verdict: Settle): Promise<void> | void {
    const settling = this.parts.subscription().settle(task.delivery, verdict.outcome);
    if (!settling) return this.settled(task, verdict);
    return settling.then(
      () => this.settled(task, verdict),
      (error: unknown) => this.settleFailed(task, verdict, toError(error)),
    );
  }

  release(task: Task): void {
    void this.parts.subscription().settle(task.delivery, RELEASE);
  }

  taken(task: Task): void {
    this.report.taken(task);
  }

  /** Nothing is settled any more, so that the messages come again after a restart. */
  stop(error: Error): void {
    this.report.failed(error);
    this.dispatcher.halt();
  }

  pause(partition: Partition): void {
    this.parts.subscription().pause([partition]);
  }

  resume(partition: Partition): void {
    this.parts.subscription().resume([partition]);
  }

  /** Where the broker does not keep messages back, each waits here: as long as its topic says, or less when it is due before. */
  notBefore({ partition, timestamp, headers }: Delivery): number | undefined {
    const stepMs = this.definition.retryTopics.get(partition.topic);
    if (stepMs === undefined || this.parts.features.delayed) return undefined;
    const dueAt = Number(headers.find(([name]) => name === HEADER.dueAt)?.[1].toString('utf8'));
    return Number.isFinite(dueAt) ? Math.min(dueAt, timestamp + stepMs) : undefined;
  }

  private async timed(task: Task): Promise<Verdict> {
    const start = performance.now();
    const verdict = await runPipeline(task, this.pipeline);
    this.report.attempted(task, verdict.kind, performance.now() - start);
    return verdict;
  }

  private settled(task: Task, { as, after }: Settle): Promise<void> | void {
    this.report.settled(task, as);
    return after && this.runHook(after);
  }

  private async runHook(hook: () => Promise<void> | void): Promise<void> {
    this.hooks++;
    await hook();
    this.hooks--;
  }

  /** What follows when an outcome can never be carried out. A closed connection, or a partition given up, is no failure: the message comes again. */
  private async settleFailed(task: Task, { recover }: Settle, error: Error): Promise<void> {
    if (error instanceof ClosedError) return;
    const next: Verdict = recover?.(error) ?? { kind: 'stop', error };
    if (next.kind === 'settle') return this.settle(task, next);
    this.release(task);
    if (next.kind === 'stop') this.stop(next.error);
  }
}

/** A handler of bytes returns bytes. */
function rawOutputs(formats: Formats): OutputFormats {
  return { of: () => rawSerializer, keyOf: (key, topic) => formats.keyOf(key, topic) };
}

function retryTopicsOf({ retryTopics }: HandlerDefinition): RetryTopics | undefined {
  if (retryTopics.size === 0) return undefined;
  const names = new Map([...retryTopics].map(([name, stepMs]) => [stepMs, name]));
  const [anyName = ''] = retryTopics.keys();
  return { steps: [...retryTopics.values()], nameOf: (stepMs) => names.get(stepMs) ?? anyName };
}
