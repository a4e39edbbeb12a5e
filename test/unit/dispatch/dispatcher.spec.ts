import { beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn } from '../../../lib/core/clock.js';
import type { Delivery, Partition } from '../../../lib/core/delivery.js';
import { MANUAL, SETTLE_ACK, type Settle, type Verdict } from '../../../lib/core/outcome.js';
import { BufferBudget } from '../../../lib/dispatch/buffer-budget.js';
import type { DispatchWork } from '../../../lib/dispatch/dispatch-work.js';
import { Dispatcher, type DispatcherOptions } from '../../../lib/dispatch/dispatcher.js';
import type { Task } from '../../../lib/dispatch/task.js';
import { deferred } from '../../support/deferred.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';

const OPTIONS: DispatcherOptions = {
  concurrency: 1,
  ordering: 'key',
  maxInFlight: 100,
  maxInFlightBytes: 1_000_000,
  isBatch: false,
  isManual: false,
  isTransactional: false,
  batchSize: 1,
  batchTimeoutMs: 1_000,
};

const FAILED: Verdict = { kind: 'retry', delayMs: 500 };

/** Handlers that run until the test ends them. */
class HeldWork implements DispatchWork {
  readonly running = new Map<string, { readonly task: Task; readonly end: (verdict: Verdict) => void }>();
  readonly batches = new Map<
    string,
    { readonly tasks: readonly Task[]; readonly end: (verdicts: readonly Verdict[]) => void }
  >();
  readonly started: string[] = [];
  readonly settled: string[] = [];
  readonly paused: string[] = [];
  readonly stopped: string[] = [];
  readonly lost: string[] = [];
  readonly due = new Map<string, number>();
  settling: (() => Promise<void>) | undefined;

  run(task: Task): Promise<Verdict> {
    const name = nameOf(task.delivery);
    const { promise, resolve } = deferred<Verdict>();
    this.started.push(task.attempt === 1 ? name : `${name}#${task.attempt}`);
    this.running.set(name, { task, end: resolve });
    return promise;
  }

  runBatch(tasks: readonly Task[]): Promise<readonly Verdict[]> {
    const name = tasks
      .map(({ delivery, attempt }) => `${nameOf(delivery)}${attempt === 1 ? '' : `#${attempt}`}`)
      .join(' ');
    const { promise, resolve } = deferred<readonly Verdict[]>();
    this.started.push(name);
    this.batches.set(name, { tasks, end: resolve });
    return promise;
  }

  settle({ delivery }: Task, { outcome }: Settle): Promise<void> | void {
    this.settled.push(`${outcome.kind} ${nameOf(delivery)}`);
    return this.settling?.();
  }

  release({ delivery }: Task): void {
    this.settled.push(`release ${nameOf(delivery)}`);
  }

  taken({ delivery }: Task): void {
    this.lost.push(nameOf(delivery));
  }

  stop(error: Error): void {
    this.stopped.push(error.message);
  }

  notBefore(delivery: Delivery): number | undefined {
    return this.due.get(nameOf(delivery));
  }

  pause({ index }: Partition): void {
    this.paused.push(`pause ${index}`);
  }

  resume({ index }: Partition): void {
    this.paused.push(`resume ${index}`);
  }

  async end(name: string, verdict: Verdict = SETTLE_ACK): Promise<void> {
    const { end } = this.running.get(name) ?? {};
    if (!end) throw new Error(`${name} does not run; running are ${[...this.running.keys()].join(', ')}`);
    this.running.delete(name);
    end(verdict);
    await settle();
  }

  /** Ends a batch; the messages without a verdict succeed. */
  async endBatch(name: string, verdicts: Readonly<Record<number, Verdict>> = {}): Promise<void> {
    const { tasks, end } = this.batches.get(name) ?? {};
    if (!end || !tasks) throw new Error(`${name} does not run; running are ${[...this.batches.keys()].join(', ')}`);
    this.batches.delete(name);
    end(tasks.map((_, index) => verdicts[index] ?? SETTLE_ACK));
    await settle();
  }
}

/** `a1` = key a, offset 1. */
function nameOf({ key, offset }: Delivery): string {
  return `${String(key ?? '-')}${offset}`;
}

function deliveries(partition: Partition, ...names: readonly string[]): Delivery[] {
  return names.map((name) => {
    const [key, offset] = [name.slice(0, 1), name.slice(1)];
    return {
      partition,
      offset,
      key: key === '-' ? null : Buffer.from(key),
      value: Buffer.alloc(0),
      headers: [],
      timestamp: 0,
      deliveries: 1,
    };
  });
}

describe('Dispatcher', () => {
  const partition: Partition = { topic: 'tasks', index: 0 };
  const other: Partition = { topic: 'tasks', index: 1 };
  const retries: Partition = { topic: 'retries', index: 0 };
  let budgetBytes = 1_000_000;
  let clock: FakeClock;
  let work: HeldWork;
  let dispatcher: Dispatcher;
  const start = (options: Partial<DispatcherOptions> = {}) => {
    const parts = { work, clock, budget: new BufferBudget(budgetBytes), retryTopics: new Set(['retries']) };
    dispatcher = new Dispatcher({ ...OPTIONS, ...options }, parts);
    dispatcher.assign([partition, other]);
  };
  let received: Delivery[];
  const receive = (...names: readonly string[]) => {
    const list = deliveries(partition, ...names);
    received.push(...list);
    dispatcher.receive(partition, list);
  };
  const running = () => [...work.running.keys()];

  beforeEach(() => {
    clock = new FakeClock();
    work = new HeldWork();
    received = [];
    budgetBytes = 1_000_000;
  });

  it('runs one message of a key at a time, in order, and other keys beside it', async () => {
    start({ concurrency: 4 });
    receive('a1', 'a2', 'b3', 'a4');
    expect(running()).toEqual(['a1', 'b3']);
    await work.end('a1');
    expect(running()).toEqual(['b3', 'a2']);
    await work.end('a2');
    await work.end('a4');
    expect(work.settled).toEqual(['ack a1', 'ack a2', 'ack a4']);
  });

  it('runs no more than its concurrency', async () => {
    start({ concurrency: 2 });
    receive('a1', 'b2', 'c3');
    expect(running()).toEqual(['a1', 'b2']);
    await work.end('b2');
    expect(running()).toEqual(['a1', 'c3']);
  });

  it('keeps no order among messages without a key', () => {
    start({ concurrency: 3 });
    receive('-1', '-2', '-3');
    expect(running()).toEqual(['-1', '-2', '-3']);
  });

  it('keeps the order of the partition when told so, and none when told so', () => {
    start({ concurrency: 3, ordering: 'partition' });
    receive('a1', 'b2', '-3');
    expect(running()).toEqual(['a1']);
    work = new HeldWork();
    start({ concurrency: 3, ordering: 'none' });
    receive('a1', 'a2', 'a3');
    expect(running()).toEqual(['a1', 'a2', 'a3']);
  });

  it('lets partitions and keys take turns, so that a hot key starves nobody', async () => {
    start();
    receive('a1', 'a2', 'a3', 'b4', 'c5');
    dispatcher.receive(other, deliveries(other, 'x1', 'y2'));
    for (const name of ['a1', 'b4', 'x1', 'c5', 'y2', 'a2', 'a3']) await work.end(name);
    expect(work.started).toEqual(['a1', 'b4', 'x1', 'c5', 'y2', 'a2', 'a3']);
  });

  it('lets a waiting retry hold its key, and no slot', async () => {
    start();
    receive('a1', 'a2', 'b3');
    await work.end('a1', FAILED);
    expect(running()).toEqual(['b3']);
    await work.end('b3');
    expect(running()).toEqual([]);
    await clock.advance(499);
    expect(running()).toEqual([]);
    await clock.advance(1);
    expect(work.started).toEqual(['a1', 'b3', 'a1#2']);
    await work.end('a1');
    expect(running()).toEqual(['a2']);
  });

  it('does not keep what was given back, however long a handler still runs', () => {
    start();
    receive('a1', 'a2', 'a3', 'a4');
    const { task } = work.running.get('a1') as { readonly task: Task };
    const { behind } = task;
    expect(behind?.behind).toBeDefined();
    dispatcher.lose([partition]);
    expect(task.isLost).toBe(true);
    expect([task.behind, behind?.behind]).toEqual([undefined, undefined]);
  });

  it('frees a key, and counts its message as unfinished, while its outcome is held', async () => {
    start({ isTransactional: true, maxInFlight: 2 });
    const written = deferred();
    work.settling = () => written.promise;
    receive('a1', 'a2');
    await work.end('a1');
    expect(running()).toEqual(['a2']);
    await work.end('a2');
    expect(work.settled).toEqual(['ack a1', 'ack a2']);
    expect(work.paused).toEqual(['pause 0']);
    written.resolve();
    await settle();
    expect(work.paused).toEqual(['pause 0', 'resume 0']);
  });

  it('hands all outcomes of a batch over to be held, those of a key too', async () => {
    start({ isTransactional: true, isBatch: true, batchSize: 3 });
    work.settling = () => deferred().promise;
    receive('a1', 'a2', 'b3', 'a4', 'a5', 'a6');
    await work.endBatch('a1 a2 b3');
    expect(work.settled).toEqual(['ack a1', 'ack a2', 'ack b3']);
    expect([...work.batches.keys()]).toEqual(['a4 a5 a6']);
  });

  it('keeps a key closed, and frees the slot, while an outcome is being settled', async () => {
    start();
    const { promise, resolve } = deferred();
    work.settling = () => promise;
    receive('a1', 'a2', 'b3');
    await work.end('a1');
    expect(running()).toEqual(['b3']);
    resolve();
    await work.end('b3');
    expect(running()).toEqual(['a2']);
  });

  it('pauses a partition at its bound of messages, and resumes it at half', async () => {
    start({ maxInFlight: 4 });
    receive('a1', 'b2', 'c3');
    expect(work.paused).toEqual([]);
    receive('d4', 'e5');
    expect(work.paused).toEqual(['pause 0']);
    for (const name of ['a1', 'b2']) await work.end(name);
    expect(work.paused).toEqual(['pause 0']);
    await work.end('c3');
    expect(work.paused).toEqual(['pause 0', 'resume 0']);
  });

  it('resumes only when both messages and bytes are at half', async () => {
    start({ maxInFlight: 4, maxInFlightBytes: 320, concurrency: 4 });
    receive('a1', 'b2', 'c3', 'd4');
    for (const name of ['a1', 'b2']) await work.end(name);
    expect(work.paused).toEqual(['pause 0', 'resume 0']);
    start({ maxInFlight: 100, maxInFlightBytes: 260, concurrency: 4 });
    work.paused.length = 0;
    receive('a1', 'b2', 'c3', 'd4');
    await work.end('a1');
    expect(work.paused).toEqual(['pause 0']);
    await work.end('b2');
    expect(work.paused).toEqual(['pause 0', 'resume 0']);
  });

  it('pauses a partition at its bound of bytes', async () => {
    start({ maxInFlightBytes: 200 });
    receive('a1', 'b2', 'c3', 'd4');
    expect(work.paused).toEqual(['pause 0']);
    for (const name of ['a1', 'b2', 'c3']) await work.end(name);
    expect(work.paused).toEqual(['pause 0', 'resume 0']);
  });

  it('releases at a revoke what was not started and what waits, and waits for what runs', async () => {
    start({ concurrency: 2 });
    receive('a1', 'a2', 'b3', 'c4');
    await work.end('b3', FAILED);
    let done = false;
    const revoking = dispatcher.revoke([partition], deadlineIn(clock, 1_000)).then(() => (done = true));
    await settle();
    expect(work.settled).toEqual(['release a2', 'release b3']);
    expect(done).toBe(false);
    for (const name of ['a1', 'c4']) await work.end(name);
    await revoking;
    expect(work.settled).toEqual(['release a2', 'release b3', 'ack a1', 'ack c4']);
    expect(running()).toEqual([]);
  });

  it('releases a message that wants a retry after the revoke began', async () => {
    start();
    receive('a1');
    const revoking = dispatcher.revoke([partition], deadlineIn(clock, 1_000));
    await work.end('a1', { kind: 'retry', delayMs: 1 });
    await revoking;
    expect(work.settled).toEqual(['release a1']);
  });

  it('ends a revoke at its deadline, and tells the handler, whose outcome does not count any more', async () => {
    start();
    receive('a1');
    const { signal } = work.running.get('a1')?.task ?? {};
    const revoking = dispatcher.revoke([partition], deadlineIn(clock, 1_000));
    await clock.advance(999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    await revoking;
    expect(signal?.aborted).toBe(true);
    expect(work.running.get('a1')?.task.signal.aborted).toBe(true);
    await work.end('a1', SETTLE_ACK);
    expect(work.settled).toEqual([]);
  });

  it('takes nothing of a partition that is revoked or lost', async () => {
    start({ concurrency: 5 });
    await dispatcher.revoke([partition], deadlineIn(clock, 1_000));
    receive('a1');
    dispatcher.lose([other]);
    dispatcher.receive(other, deliveries(other, 'b1'));
    expect(running()).toEqual([]);
  });

  it('settles nothing of a partition that is lost, neither what waits nor what runs, which is told to end', async () => {
    start();
    receive('a1', 'b2');
    dispatcher.lose([partition]);
    expect(work.settled).toEqual([]);
    expect(work.lost).toEqual(['a1', 'b2']);
    expect(work.running.get('a1')?.task.signal.aborted).toBe(true);
    await work.end('a1', SETTLE_ACK);
    expect(work.settled).toEqual([]);
  });

  it('begins anew with each assignment', async () => {
    start();
    receive('a1');
    dispatcher.lose([partition]);
    dispatcher.assign([partition]);
    await work.end('a1');
    receive('a1');
    expect(running()).toEqual(['a1']);
  });

  it('starts nothing after it was halted, on old and new partitions', async () => {
    start();
    receive('a1', 'b2');
    dispatcher.halt();
    await work.end('a1');
    dispatcher.assign([{ topic: 'tasks', index: 2 }]);
    receive('c3');
    expect(running()).toEqual([]);
    expect(work.paused).toEqual(['pause 0', 'pause 1', 'pause 2']);
  });

  it('pauses all partitions that bring more while the process is full, and resumes them when half of it is free', async () => {
    budgetBytes = 200;
    start({ concurrency: 10 });
    receive('a1', 'b2');
    expect(work.paused).toEqual([]);
    dispatcher.receive(other, deliveries(other, 'c3', 'd4'));
    expect(work.paused).toEqual(['pause 1']);
    for (const name of ['a1', 'b2', 'c3']) await work.end(name);
    expect(work.paused).toEqual(['pause 1', 'resume 1']);
  });

  it('rests a partition that cannot be read for now, without counting an attempt, while others go on', async () => {
    start({ concurrency: 2 });
    receive('a1', 'b2', 'c3');
    dispatcher.receive(other, deliveries(other, 'x1'));
    await work.end('a1', { kind: 'hold', delayMs: 2_000 });
    await work.end('b2');
    await work.end('x1');
    expect(work.started).toEqual(['a1', 'b2', 'x1']);
    await clock.advance(2_000);
    expect(work.started.toSorted()).toEqual(['a1', 'a1', 'b2', 'c3', 'x1']);
  });

  it('stops with the message unsettled when there is nowhere to put it', async () => {
    start();
    receive('a1', 'b2');
    await work.end('a1', { kind: 'stop', error: new Error('no way') });
    expect(work.stopped).toEqual(['no way']);
    expect(work.settled).toEqual(['release a1']);
  });

  it('leaves a message of a retry topic until it is due, with its attempt, while others pass', async () => {
    start();
    dispatcher.assign([retries]);
    work.due.set('a1', clock.now() + 5_000);
    const [first, second] = deliveries(retries, 'a1', 'a2') as [Delivery, Delivery];
    const attempt = (n: string): Delivery['headers'] => [['x-attempt', Buffer.from(n)]];
    dispatcher.receive(retries, [
      { ...first, headers: attempt('4') },
      { ...second, headers: attempt('2') },
    ]);
    await work.end('a2');
    expect(work.started).toEqual(['a2#2']);
    await clock.advance(5_000);
    expect(work.started).toEqual(['a2#2', 'a1#4']);
  });

  describe('with batches', () => {
    const startBatches = (options: Partial<DispatcherOptions> = {}) =>
      start({ isBatch: true, batchSize: 3, concurrency: 2, ...options });

    it('waits for a batch to fill, or for its time', async () => {
      startBatches();
      receive('a1', 'b2');
      expect(work.started).toEqual([]);
      receive('c3', 'd4');
      expect(work.started).toEqual(['a1 b2 c3']);
      await clock.advance(999);
      expect(work.started).toHaveLength(1);
      await clock.advance(1);
      expect(work.started).toEqual(['a1 b2 c3', 'd4']);
    });

    it('has messages of several lanes and several of one lane, but no lane in two batches at once', async () => {
      startBatches();
      receive('a1', 'a2', 'b3', 'a4', 'c5', 'd6', 'e7');
      expect(work.started).toEqual(['a1 a2 b3', 'c5 d6 e7']);
      await work.endBatch('c5 d6 e7');
      await clock.advance(1_000);
      expect(work.started).toHaveLength(2);
      await work.endBatch('a1 a2 b3');
      await clock.advance(1_000);
      expect(work.started[2]).toBe('a4');
    });

    it('never mixes partitions', async () => {
      startBatches();
      receive('a1', 'b2');
      dispatcher.receive(other, deliveries(other, 'c1', 'd2'));
      await clock.advance(1_000);
      expect(work.started).toEqual(['a1 b2', 'c1 d2']);
    });

    it('tries what failed again alone, and what follows it in its lane singly after it', async () => {
      startBatches();
      receive('a1', 'b2', 'a3');
      await work.endBatch('a1 b2 a3', { 0: FAILED, 2: SETTLE_ACK });
      expect(work.settled).toEqual(['ack b2']);
      await clock.advance(500);
      expect(work.started[1]).toBe('a1#2');
      await work.endBatch('a1#2');
      expect(work.started[2]).toBe('a3');
      await work.endBatch('a3');
      expect(work.settled).toEqual(['ack b2', 'ack a1', 'ack a3']);
    });

    it('takes messages without a key as they come, and lets a failed one hold up nothing', async () => {
      startBatches();
      receive('-1', '-2', '-3', '-4');
      await work.endBatch('-1 -2 -3', { 1: FAILED });
      expect(work.settled).toEqual(['ack -1', 'ack -3']);
      await clock.advance(500);
      expect(work.started).toEqual(['-1 -2 -3', '-2#2']);
      await clock.advance(500);
      expect(work.started).toEqual(['-1 -2 -3', '-2#2', '-4']);
    });

    it('counts the time of a batch from its first message, also after the one before', async () => {
      startBatches();
      receive('a1');
      await clock.advance(600);
      receive('b2');
      await clock.advance(399);
      expect(work.started).toEqual([]);
      await clock.advance(1);
      expect(work.started).toEqual(['a1 b2']);
      await clock.advance(5_000);
      receive('c3');
      await clock.advance(999);
      expect(work.started).toHaveLength(1);
      await clock.advance(1);
      expect(work.started).toEqual(['a1 b2', 'c3']);
    });

    it('lets a waiting single go without company, while others wait for theirs', async () => {
      startBatches({ concurrency: 1 });
      receive('a1', 'b2', 'c3');
      await work.endBatch('a1 b2 c3', { 0: FAILED });
      await clock.advance(100);
      receive('d4');
      await clock.advance(400);
      expect(work.started[1]).toBe('a1#2');
      await work.endBatch('a1#2', { 0: FAILED });
      await clock.advance(500);
      expect(work.started.slice(2)).toEqual(['a1#3']);
      await clock.advance(100);
      expect(work.started.slice(3)).toEqual([]);
      await work.endBatch('a1#3');
      expect(work.started.slice(3)).toEqual(['d4']);
    });

    it('lets a message go without company after which nothing comes until it is settled', async () => {
      startBatches();
      const [delivery] = deliveries(partition, 'a1');
      dispatcher.receive(partition, [{ ...(delivery as Delivery), isAlone: true }]);
      expect(work.started).toEqual(['a1']);
      await work.endBatch('a1');
      receive('a2');
      expect(work.started).toEqual(['a1']);
    });

    it('begins anew with each assignment, with nothing of the one before', async () => {
      startBatches();
      receive('a1', 'b2');
      dispatcher.lose([partition]);
      dispatcher.assign([partition]);
      receive('c3');
      await clock.advance(1_000);
      expect(work.started).toEqual(['c3']);
    });

    it('releases at a revoke what waits for its batch to fill', async () => {
      startBatches();
      receive('a1', 'b2');
      await dispatcher.revoke([partition], deadlineIn(clock, 1_000));
      expect(work.settled).toEqual(['release a1', 'release b2']);
    });

    it('settles the messages of a lane one after the other, and other lanes beside them', async () => {
      startBatches();
      const gate = deferred();
      work.settling = () => gate.promise;
      receive('a1', 'a2', 'b3');
      await work.endBatch('a1 a2 b3');
      expect(work.settled).toEqual(['ack a1', 'ack b3']);
      gate.resolve();
      await settle();
      expect(work.settled).toEqual(['ack a1', 'ack b3', 'ack a2']);
    });
  });

  describe('of messages that other members took over', () => {
    const lose = (...names: string[]) =>
      dispatcher.loseMessages(
        partition,
        received.filter((delivery) => names.includes(nameOf(delivery))),
      );

    it('tells the handler to end, drops its outcome, and goes on with what follows in the lane', async () => {
      start();
      receive('a1', 'a2');
      const signal = work.running.get('a1')?.task.signal;
      lose('a1');
      expect(signal?.aborted).toBe(true);
      expect(work.lost).toEqual(['a1']);
      expect(running()).toEqual(['a1']);
      await work.end('a1', SETTLE_ACK);
      expect(running()).toEqual(['a2']);
      await work.end('a2', SETTLE_ACK);
      expect(work.settled).toEqual(['ack a2']);
      expect(dispatcher.load).toMatchObject({ running: 0, queued: 0 });
    });

    it('tries none of them again, neither after a failure nor after a wait that had begun', async () => {
      start({ concurrency: 2 });
      receive('a1', 'b2', 'a3', 'b4');
      await work.end('b2', FAILED);
      lose('a1', 'b2');
      await work.end('a1', FAILED);
      await clock.advance(1_000);
      expect(work.started).toEqual(['a1', 'b2', 'a3', 'b4']);
    });

    it('begins none of them', async () => {
      start();
      receive('a1', 'a2', 'b3', 'b4');
      lose('a2', 'b3');
      await work.end('a1', SETTLE_ACK);
      expect(work.started).toEqual(['a1', 'b4']);
      await work.end('b4', SETTLE_ACK);
      expect(work.settled).toEqual(['ack a1', 'ack b4']);
    });

    it('leaves them out of batches, and settles of a batch only the others', async () => {
      start({ isBatch: true, batchSize: 2 });
      receive('a1', 'b2', 'a3', 'b4');
      lose('a1', 'a3');
      await work.endBatch('a1 b2');
      await clock.advance(1_000);
      expect(work.started).toEqual(['a1 b2', 'b4']);
      await work.endBatch('b4');
      expect(work.settled).toEqual(['ack b2', 'ack b4']);
    });

    it('keeps the lane of a batch at work closed when another message of that lane was taken', async () => {
      start({ isBatch: true, batchSize: 3, concurrency: 2 });
      receive('b1', 'b2', 'b3', 'x4', 'x5', 'x6', 'a7', 'a8', 'c9');
      lose('a7');
      await work.endBatch('b1 b2 b3');
      receive('a10', 'd11', 'd12');
      await work.endBatch('x4 x5 x6');
      await clock.advance(1_000);
      expect(work.started).toEqual(['b1 b2 b3', 'x4 x5 x6', 'a8 c9', 'd11 d12']);
    });

    it('wakes a handler that acknowledges by itself, and frees the lane', async () => {
      start({ isManual: true });
      receive('a1', 'a2');
      const task = work.running.get('a1')?.task;
      let abandoned = false;
      if (task) task.onAbandon = () => (abandoned = true);
      await work.end('a1', MANUAL);
      lose('a1');
      await settle();
      expect(abandoned).toBe(true);
      expect(running()).toEqual(['a2']);
      expect(dispatcher.load).toMatchObject({ running: 1, unacked: 0 });
      task?.decide(SETTLE_ACK);
      await settle();
      expect(work.settled).toEqual([]);
    });
  });

  describe('with handlers that acknowledge by themselves', () => {
    it('frees the slot when the handler returns, and the lane when the message is acknowledged', async () => {
      start({ isManual: true });
      receive('a1', 'a2', 'b3');
      const task = work.running.get('a1')?.task;
      await work.end('a1', MANUAL);
      expect(running()).toEqual(['b3']);
      await work.end('b3', MANUAL);
      expect(running()).toEqual([]);
      task?.decide(SETTLE_ACK);
      await settle();
      expect(work.settled).toEqual(['ack a1']);
      expect(running()).toEqual(['a2']);
    });

    it('takes an acknowledgement from within the handler, once', async () => {
      start({ isManual: true });
      receive('a1');
      const task = work.running.get('a1')?.task;
      task?.decide(SETTLE_ACK);
      task?.decide(SETTLE_ACK);
      await work.end('a1', MANUAL);
      expect(work.settled).toEqual(['ack a1']);
    });

    it('tries again what the handler gave back', async () => {
      start({ isManual: true });
      receive('a1', 'a2');
      const task = work.running.get('a1')?.task;
      await work.end('a1', MANUAL);
      task?.decide(FAILED);
      await clock.advance(500);
      expect(work.started).toEqual(['a1', 'a1#2']);
    });

    it('releases at a revoke what nobody acknowledged, and heeds no late acknowledgement', async () => {
      start({ isManual: true });
      receive('a1');
      const task = work.running.get('a1')?.task;
      let abandoned = false;
      if (task) task.onAbandon = () => (abandoned = true);
      await work.end('a1', MANUAL);
      await dispatcher.revoke([partition], deadlineIn(clock, 1_000));
      task?.decide(SETTLE_ACK);
      await settle();
      expect(work.settled).toEqual(['release a1']);
      expect(abandoned).toBe(true);
    });

    it('releases what its handler left undecided when it returns during a revoke', async () => {
      start({ isManual: true });
      receive('a1');
      const revoking = dispatcher.revoke([partition], deadlineIn(clock, 1_000));
      await work.end('a1', MANUAL);
      await revoking;
      expect(work.settled).toEqual(['release a1']);
    });

    it('waits at a revoke for an acknowledgement that is being settled', async () => {
      start({ isManual: true });
      receive('a1');
      const gate = deferred();
      work.settling = () => gate.promise;
      const task = work.running.get('a1')?.task;
      await work.end('a1', MANUAL);
      task?.decide(SETTLE_ACK);
      let done = false;
      const revoking = dispatcher.revoke([partition], deadlineIn(clock, 1_000)).then(() => (done = true));
      await settle();
      expect(done).toBe(false);
      gate.resolve();
      await revoking;
      expect(work.settled).toEqual(['ack a1']);
    });

    it('of a batch, tries its failed messages again in their order, each with its attempt counted', async () => {
      start({ isManual: true, isBatch: true, batchSize: 3 });
      receive('a1', 'a2', 'a3');
      const [first, second, third] = work.batches.get('a1 a2 a3')?.tasks ?? [];
      await work.endBatch('a1 a2 a3', { 0: MANUAL, 1: MANUAL, 2: MANUAL });
      third?.decide(FAILED);
      second?.decide({ kind: 'hold', delayMs: 100 });
      first?.decide(FAILED);
      await settle();
      await clock.advance(500);
      expect(work.started.slice(1)).toEqual(['a1#2']);
      work.batches.get('a1#2')?.tasks[0]?.decide(SETTLE_ACK);
      await work.endBatch('a1#2', { 0: MANUAL });
      expect(work.started.slice(2)).toEqual(['a2']);
      work.batches.get('a2')?.tasks[0]?.decide(SETTLE_ACK);
      await work.endBatch('a2', { 0: MANUAL });
      expect(work.started.slice(3)).toEqual(['a3#2']);
    });

    it('of a batch, gives back at a revoke what was given to the retry policy and what was not decided', async () => {
      start({ isManual: true, isBatch: true, batchSize: 3 });
      receive('a1', 'a2', 'b3');
      const [first] = work.batches.get('a1 a2 b3')?.tasks ?? [];
      await work.endBatch('a1 a2 b3', { 0: MANUAL, 1: MANUAL, 2: MANUAL });
      first?.decide(FAILED);
      await dispatcher.revoke([partition], deadlineIn(clock, 1_000));
      expect(work.settled).toEqual(['release a1', 'release a2', 'release b3']);
    });

    it('stops with the message unsettled when it can be put nowhere', async () => {
      start({ isManual: true });
      receive('a1');
      const task = work.running.get('a1')?.task;
      await work.end('a1', MANUAL);
      task?.decide({ kind: 'stop', error: new Error('no way') });
      await settle();
      expect(work.stopped).toEqual(['no way']);
      expect(work.settled).toEqual(['release a1']);
    });

    it('of a batch, decides each message by itself, and goes on in a lane when all of it is decided', async () => {
      start({ isManual: true, isBatch: true, batchSize: 3 });
      receive('a1', 'a2', 'b3', 'a4');
      const [first, second, third] = work.batches.get('a1 a2 b3')?.tasks ?? [];
      third?.decide(SETTLE_ACK);
      second?.decide(FAILED);
      await work.endBatch('a1 a2 b3', { 0: MANUAL, 1: MANUAL, 2: MANUAL });
      expect(work.settled).toEqual(['ack b3']);
      first?.decide(SETTLE_ACK);
      await settle();
      await clock.advance(500);
      expect(work.settled).toEqual(['ack b3', 'ack a1']);
      expect(work.started).toEqual(['a1 a2 b3', 'a2#2']);
    });
  });
});
