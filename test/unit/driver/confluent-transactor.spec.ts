import { beforeEach, expect, it } from 'vitest';
import { deadlineIn } from '../../../lib/core/clock.js';
import { ClosedError } from '../../../lib/core/errors.js';
import type { Callback, ConfluentModule, NativeConsumer } from '../../../lib/driver/confluent/confluent.native.js';
import { ConfluentTransactor } from '../../../lib/driver/confluent/confluent.transactor.js';
import { TransactionError } from '../../../lib/driver/kafka/transactor.js';
import { kafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

const POSITION = { topic: 'orders', partition: 0, offset: '5' };

/** What librdkafka's producers were asked to do, each with its number. */
let steps: string[];
/** Answers of `sendOffsetsToTransaction`, which the test gives. */
let answers: Callback[];
let made: number;
let clock: FakeClock;
let isLost: boolean;
let transactor: ConfluentTransactor;

class FakeProducer {
  private readonly number = ++made;
  private connected = false;

  connect = (_: unknown, done: Callback<unknown>) => this.say('connect', () => (this.connected = true), done);
  isConnected = () => this.connected;
  disconnect = (done: () => void) => this.say('disconnect', () => (this.connected = false), done);
  on = () => {};
  setPollInBackground = () => {};
  initTransactions = (_: number, done: Callback) => this.say('init', () => {}, done);
  beginTransaction = (done: Callback) => this.say('begin', () => {}, done);
  commitTransaction = (_: number, done: Callback) => this.say('commit', () => {}, done);
  abortTransaction = (_: number, done: Callback) => this.say('abort', () => {}, done);
  sendOffsetsToTransaction = (_p: unknown, _c: unknown, _t: number, done: Callback) => {
    steps.push(`${this.number} offsets`);
    answers.push(done);
  };

  private say(step: string, work: () => unknown, done: (error: null, result: undefined) => void): void {
    steps.push(`${this.number} ${step}`);
    work();
    done(null, undefined);
  }
}

beforeEach(async () => {
  steps = [];
  answers = [];
  made = 0;
  isLost = false;
  clock = new FakeClock();
  transactor = new ConfluentTransactor('group-1', {
    confluent: { Producer: FakeProducer } as unknown as ConfluentModule,
    options: resolveOptions(kafkaOptions, { path: '', input: { backend: 'confluent' }, faults: [] }),
    context: { connection: 'kafka', clock, log: new TestLog(), onStatus: () => {} },
    consumer: () => {
      if (isLost) throw new ClosedError("the partitions are no longer this member's");
      return {} as NativeConsumer;
    },
    partitionsOf: async () => 1,
  });
  await transactor.fence();
  expect(steps).toEqual(['1 connect', '1 init']);
  steps.length = 0;
});

const failureOf = (work: Promise<void>) => work.then(() => undefined).catch((error: unknown) => error);

it('replaces a producer whose call never ends, and leaves it alone until it does', async () => {
  const failing = failureOf(transactor.transact([], [POSITION]));
  await clock.advance(15_000);
  expect(await failing).toMatchObject({
    fault: 'other',
    message: 'Connection `kafka`: librdkafka did not end a call within 15000 ms: its producer is replaced.',
  });
  await transactor.fence();
  expect(steps).toEqual(['1 begin', '1 offsets', '2 connect', '2 init']);
  const written = transactor.transact([], [POSITION]);
  await settle();
  answers[1]?.(null);
  await written;
  answers[0]?.(null);
  await settle();
  expect(steps.slice(4)).toEqual(['2 begin', '2 offsets', '2 commit', '1 disconnect']);
});

it('waits for a call that takes its time', async () => {
  const written = transactor.transact([], [POSITION]);
  await clock.advance(14_000);
  answers[0]?.(null);
  await written;
  expect(steps).toEqual(['1 begin', '1 offsets', '1 commit']);
});

it('sends no positions of a member that lost its partitions meanwhile, and aborts', async () => {
  isLost = true;
  expect(await failureOf(transactor.transact([], [POSITION]))).toBeInstanceOf(TransactionError);
  expect(steps).toEqual([]);
  isLost = false;
  const failing = failureOf(transactor.transact([], [POSITION]));
  isLost = true;
  expect(await failing).toBeInstanceOf(TransactionError);
  await transactor.fence();
  expect(steps).toEqual(['1 begin', '1 abort']);
});

it('ends what is open when it is closed', async () => {
  const failing = failureOf(transactor.transact([], [POSITION]));
  await settle();
  answers[0]?.(Object.assign(new Error('no'), { code: 15 }));
  await failing;
  await transactor.close(deadlineIn(clock, 1_000));
  expect(steps).toEqual(['1 begin', '1 offsets', '1 abort', '1 disconnect']);
});
