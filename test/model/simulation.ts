import { deadlineIn, sleep } from '../../lib/core/clock.js';
import { BufferBudget } from '../../lib/dispatch/buffer-budget.js';
import type { Ordering } from '../../lib/dispatch/lanes.js';
import type { Subscription } from '../../lib/driver/driver.js';
import { MemoryDriver } from '../../lib/driver/memory/memory.driver.js';
import { memoryFeatures } from '../../lib/driver/memory/memory.features.js';
import { MemoryBroker } from '../../lib/memory-broker/memory-broker.js';
import type { MemoryMember } from '../../lib/memory-broker/memory-group.js';
import { memoryOptions } from '../../lib/options/memory.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { BatchError, NonRetryableError } from '../../lib/pipeline/errors.js';
import { Formats } from '../../lib/serialization/formats.js';
import type { MessageContext } from '../../lib/pipeline/message-context.js';
import { FakeClock, settle } from '../../lib/testing/fake-clock.js';
import { partitionOf } from '../../lib/core/murmur2.js';
import type { HandlerDefinition } from '../../lib/worker/handler-definition.js';
import { Member } from '../../lib/worker/member.js';
import { record } from '../support/records.js';
import { TestLog } from '../support/test-log.js';
import { WatchedDriver } from './watched-driver.js';

export interface Setup {
  readonly partitions: number;
  readonly concurrency: number;
  readonly ordering: Ordering;
  readonly batchSize: number;
  readonly maxInFlight: number;
  readonly maxPollRecords: number;
  readonly maxRetries: number;
  readonly isManual: boolean;
  /** Outputs and positions are one step; not of a handler that acknowledges by itself. */
  readonly isTransactional: boolean;
  readonly withRetryTopics: boolean;
}

/** What the handler does at each call for a message; after the last, it succeeds. */
export type Behaviour = 'succeed' | 'fail' | 'refuse';

export interface Plan {
  readonly key: string;
  readonly calls: readonly Behaviour[];
  /** How long a call takes, on the fake clock. */
  readonly ms: number;
}

const GROUP = 'group';
const TOPIC = 'tasks';
const RETRY_TOPIC = 'tasks-group-retry';
export const DRAIN_MS = 400;
/** Longer than all that a test plans. */
const TEN_MINUTES_MS = 600_000;

interface Living {
  readonly member: Member;
  readonly consumer: Subscription & MemoryMember;
  readonly owner: Owner;
}

/** A group of real members on the embedded broker, which tells of every promise that is broken. */
export class Simulation {
  readonly clock = new FakeClock();
  readonly broken: string[] = [];
  private readonly broker = new MemoryBroker({ clock: this.clock });
  private readonly plans: Plan[] = [];
  private readonly calls = new Map<number, number>();
  /** Messages that were handled or given up. */
  private readonly concluded = new Set<number>();
  /** Messages that were given to the retry topic. */
  private readonly parked = new Set<number>();
  /** Messages whose last attempt has failed: where outcomes are held, the next of the key begins before the dead letter is written. */
  private readonly givenUp = new Set<number>();
  /** How often each message came out, as a result or a dead letter. */
  private readonly outputs = new Map<number, number>();
  private readonly living: Living[] = [];
  /** What handlers have, of all members. */
  private readonly units = new Set<Unit>();
  /** How often anything was written or committed. */
  private effects = 0;

  constructor(private readonly setup: Setup) {
    for (const topic of [TOPIC, RETRY_TOPIC, 'results', 'dead']) this.broker.createTopic(topic, setup.partitions);
    this.broker.events.on('append', (topic, _index, { value }) => {
      this.effects++;
      const id = Number(String(value));
      if (topic === 'dead') this.concluded.add(id);
      if (topic === 'dead' || topic === 'results') this.outputs.set(id, (this.outputs.get(id) ?? 0) + 1);
    });
    this.broker.events.on('commit', () => {
      this.effects++;
      this.checkPositions();
    });
  }

  send(plan: Plan): void {
    const id = this.plans.push(plan) - 1;
    const topic = this.broker.createTopic(TOPIC, this.setup.partitions);
    const index = partitionOf(Buffer.from(plan.key), this.setup.partitions);
    this.broker.append(topic, index, record(TOPIC, String(id), { key: plan.key }));
  }

  join(): void {
    const options = resolveOptions(memoryOptions, { path: '', input: { broker: this.broker }, faults: [] });
    const context = { connection: 'memory', clock: this.clock, log: new TestLog(), onStatus: () => {} };
    const driver = new MemoryDriver(options, context);
    const owner: Owner = { running: new Map(), atOnce: 0, isDead: false };
    const member = this.member(owner);
    const { maxInFlight, maxPollRecords } = this.setup;
    const watched = new WatchedDriver(driver, {
      effects: () => this.effects,
      maxHeld: maxInFlight - 1 + maxPollRecords,
      onBroken: (text) => this.broken.push(text),
    });
    member.start(watched.asDriver);
    this.living.push({ member, consumer: watched.consumer, owner });
  }

  leave(index: number): void {
    const [one] = this.living.splice(index % Math.max(this.living.length, 1), 1);
    if (one) void one.member.stop(deadlineIn(this.clock, DRAIN_MS));
  }

  /** The session times out; the member joins again. */
  expel(index: number): void {
    const one = this.living[index % Math.max(this.living.length, 1)];
    if (one) void this.broker.group(GROUP).expel(one.consumer);
  }

  /** The process dies: its handlers never return. */
  crash(index: number): void {
    const [one] = this.living.splice(index % Math.max(this.living.length, 1), 1);
    if (!one) return;
    one.owner.isDead = true;
    void one.consumer.stop(deadlineIn(this.clock, 0));
    void this.broker.group(GROUP).expel(one.consumer);
  }

  /** The broker cannot be reached for a moment. */
  fail(operation: 'send' | 'settle'): void {
    this.broker.failNext(operation, new Error('away'));
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  /** Time enough for everything, with somebody there to do it. */
  async finish(): Promise<void> {
    if (this.living.length === 0) this.join();
    await this.clock.advance(TEN_MINUTES_MS);
    for (const id of this.plans.keys())
      if (!this.concluded.has(id)) this.broken.push(`message ${id} was neither handled nor given up`);
    if (this.isTransactional)
      for (const id of this.plans.keys())
        if (this.outputs.get(id) !== 1) this.broken.push(`message ${id} came out ${this.outputs.get(id) ?? 0} times`);
    const left = this.broker.lags();
    if (left.length > 0) this.broken.push(`not settled in the end: ${JSON.stringify(left)}`);
    while (this.living.length > 0) this.leave(0);
    await this.clock.advance(TEN_MINUTES_MS);
    await settle();
  }

  private get isTransactional(): boolean {
    return this.setup.isTransactional && !this.setup.isManual;
  }

  private member(owner: Owner): Member {
    return new Member({
      app: 'app',
      handlers: [this.definition(owner)],
      maxPollRecords: this.setup.maxPollRecords,
      drainTimeoutMs: DRAIN_MS,
      clock: this.clock,
      log: new TestLog(),
      budget: new BufferBudget(1_000_000),
      features: memoryFeatures,
      formats: new Formats({ registry: undefined, needsRegistry: false, clock: this.clock }),
    });
  }

  private definition(owner: Owner): HandlerDefinition {
    const { concurrency, ordering, batchSize, maxInFlight, maxRetries, isManual, withRetryTopics } = this.setup;
    const process = async (id: number, context: MessageContext) => {
      await this.run([id], [context], owner);
      return id;
    };
    return {
      name: 'Tasks',
      place: 'here',
      connection: 'memory',
      topic: TOPIC,
      groupId: GROUP,
      outputTopic: isManual ? undefined : 'results',
      refs: { topic: TOPIC, outputTopic: isManual ? undefined : 'results' },
      deadLetter: { kind: 'topic', topic: 'dead' },
      retry: {
        maxRetries,
        retryBackoff: 'fixed',
        initialDelayMs: 50,
        maxDelayMs: 1_000,
        jitter: 0,
        retryIf: undefined,
        nonRetryable: [],
        retryTopics: withRetryTopics ? [50] : [],
        inPlaceRetryMaxMs: withRetryTopics ? 0 : 30_000,
      },
      retryTopics: new Map(withRetryTopics ? [[RETRY_TOPIC, 50]] : []),
      autoOffsetReset: 'earliest',
      maxUncommitted: 1_000,
      transactionIntervalMs: this.isTransactional ? 20 : undefined,
      maxDeliveries: 5,
      dispatch: {
        concurrency,
        ordering,
        maxInFlight,
        maxInFlightBytes: 1_000_000,
        batchSize,
        batchTimeoutMs: 20,
        isBatch: batchSize > 1,
        isManual,
        isTransactional: this.isTransactional,
      },
      ackTimeoutMs: 60_000,
      raw: false,
      topicClasses: [],
      openTarget: () => () => ({
        process: process as never,
        processBatch: async (ids, { messages }) => {
          await this.run(ids as number[], messages, owner);
          return ids;
        },
      }),
    };
  }

  private async run(ids: readonly number[], contexts: readonly MessageContext[], owner: Owner): Promise<void> {
    for (const [index, id] of ids.entries()) this.checkStart(id, contexts[index] as MessageContext, owner);
    const unit = this.beginUnit(ids, contexts, owner);
    owner.atOnce++;
    if (owner.atOnce > this.setup.concurrency + this.zombies(contexts)) this.broken.push(`${owner.atOnce} run at once`);
    await sleep(this.clock, Math.max(...ids.map((id) => (this.plans[id] as Plan).ms)));
    if (owner.isDead) return new Promise(() => {});
    owner.atOnce--;
    this.units.delete(unit);
    for (const id of ids) owner.running.delete(this.laneOf(id));
    await this.conclude(ids, contexts);
  }

  /** Nothing of a lane begins while a handler has another of it, or the same one, that has not been told to end; in no member. */
  private beginUnit(ids: readonly number[], contexts: readonly MessageContext[], owner: Owner): Unit {
    const hasOrder = !this.setup.withRetryTopics; // a message may be in both topics, after a loss
    const lanes = new Set(hasOrder ? ids.map((id) => this.laneOf(id)) : []);
    for (const other of this.units)
      if (isAtWork(other) && [...lanes].some((lane) => other.lanes.has(lane)))
        this.broken.push(
          `messages ${ids.join(', ')} began beside others of their lanes: ${[...other.lanes].join(', ')}`,
        );
    const unit = { lanes, contexts, owner };
    this.units.add(unit);
    return unit;
  }

  /** Handlers of partitions that were lost go on beside the new ones. */
  private zombies(contexts: readonly MessageContext[]): number {
    return contexts.some(({ signal }) => signal.aborted) ? Infinity : 0;
  }

  private async conclude(ids: readonly number[], contexts: readonly MessageContext[]): Promise<void> {
    const behaviours = ids.map((id) => this.nextCall(id));
    const failed = new Map<number, Error>();
    for (const [index, behaviour] of behaviours.entries()) {
      if (behaviour === 'fail') failed.set(index, new Error('failed'));
      if (behaviour === 'fail' && this.setup.withRetryTopics) this.parked.add(ids[index] as number);
      if (behaviour === 'refuse') failed.set(index, new NonRetryableError('refused'));
    }
    const isOurs = contexts.every(({ signal }) => !signal.aborted);
    const first = [...failed.keys()][0] ?? Infinity;
    for (const [index, id] of ids.entries()) {
      const isTriedAgain = (at: number) =>
        behaviours[at] === 'fail' &&
        !this.setup.withRetryTopics &&
        (contexts[at] as MessageContext).attempt <= this.setup.maxRetries;
      if (this.isTransactional && failed.has(index) && !isTriedAgain(index)) this.givenUp.add(id);
      const isBehind = ids.some(
        (other, at) => at < index && isTriedAgain(at) && this.laneOf(other) === this.laneOf(id),
      );
      if (isOurs && !failed.has(index) && !isBehind) await this.succeed(id, contexts[index] as MessageContext);
    }
    const [error] = failed.values();
    if (ids.length === 1 && error) throw error;
    if (first < Infinity) throw new BatchError(failed, ids);
  }

  private async succeed(id: number, context: MessageContext): Promise<void> {
    this.concluded.add(id);
    if (this.setup.isManual) void context.ack().catch(() => {});
  }

  private nextCall(id: number): Behaviour {
    const count = this.calls.get(id) ?? 0;
    this.calls.set(id, count + 1);
    return (this.plans[id] as Plan).calls[count] ?? 'succeed';
  }

  private checkStart(id: number, context: MessageContext, owner: Owner): void {
    const lane = this.laneOf(id);
    if (context.attempt > this.setup.maxRetries + 1) this.broken.push(`attempt ${context.attempt} of message ${id}`);
    if (this.setup.withRetryTopics || lane === undefined) return;
    for (const [earlier, plan] of this.plans.slice(0, id).entries()) {
      const isOver = this.concluded.has(earlier) || this.givenUp.has(earlier);
      const isBefore = this.laneOf(earlier) === lane && !isOver;
      const isBeside = this.setup.batchSize > 1 && owner.running.has(lane);
      if (isBefore && !isBeside) this.broken.push(`message ${id} began before ${earlier} of ${plan.key} was done`);
    }
    owner.running.set(lane, id);
  }

  private laneOf(id: number): string {
    const { key } = this.plans[id] as Plan;
    if (this.setup.ordering === 'none') return `message ${id}`;
    return this.setup.ordering === 'key' ? key : `partition ${partitionOf(Buffer.from(key), this.setup.partitions)}`;
  }

  /** Nobody may commit beyond what was never concluded. */
  private checkPositions(): void {
    for (let index = 0; index < this.setup.partitions; index++) {
      const log = this.broker.topic(TOPIC)?.logs[index];
      const position = this.broker.group(GROUP).position(TOPIC, index) ?? 0;
      const passed = log?.read(0, position) ?? [];
      for (const { value, offset } of passed) {
        const id = Number(String(value));
        if (!this.concluded.has(id) && !this.parked.has(id))
          this.broken.push(`offset ${offset} was committed unfinished`);
      }
    }
  }
}

/** What one call of a handler has. */
interface Unit {
  readonly lanes: ReadonlySet<string>;
  readonly contexts: readonly MessageContext[];
  readonly owner: Owner;
}

/** Nobody has told it to end. */
function isAtWork({ contexts, owner }: Unit): boolean {
  return !owner.isDead && !contexts.every(({ signal }) => signal.aborted);
}

/** What one member does. */
interface Owner {
  /** The message that runs in each lane. */
  readonly running: Map<string, number>;
  atOnce: number;
  isDead: boolean;
}
