import { beforeEach, expect, it } from 'vitest';
import { deadlineIn } from '../../../lib/core/clock.js';
import { ClosedError } from '../../../lib/core/errors.js';
import type { Callback, ConfluentModule } from '../../../lib/driver/confluent/confluent.native.js';
import { LivingProducer } from '../../../lib/driver/confluent/living-producer.js';
import { kafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

/** The connects that were begun, which the test answers. */
let connects: Callback<unknown>[];
let open: number;
let clock: FakeClock;
let wasConnected: boolean;
let statuses: string[];
/** Who hears of errors, and the questions that are asked then. */
let listeners: ((error: object) => void)[];
let asked: Callback<unknown>[];
let living: LivingProducer;

class FakeProducer {
  private connected = false;

  connect = (_: unknown, done: Callback<unknown>) =>
    void connects.push((error, result) => {
      this.connected = !error;
      if (this.connected) open++;
      done(error, result);
    });
  isConnected = () => this.connected;
  disconnect = (done: () => void) => {
    this.connected = false;
    open--;
    done();
  };
  on = (event: string, listener: (error: object) => void) => {
    if (event === 'event.error') listeners.push(listener);
  };
  getMetadata = (_: unknown, done: Callback<unknown>) => void asked.push(done);
  poll = () => {};
  setPollInBackground = () => {};
}

beforeEach(() => {
  connects = [];
  open = 0;
  wasConnected = false;
  statuses = [];
  asked = [];
  listeners = [];
  clock = new FakeClock();
  living = new LivingProducer({
    confluent: { Producer: FakeProducer, AdminClient: { createFrom: () => ({}) } } as unknown as ConfluentModule,
    config: {},
    options: resolveOptions(kafkaOptions, { path: '', input: { backend: 'confluent' }, faults: [] }),
    context: { connection: 'kafka', clock, log: new TestLog(), onStatus: ({ state }) => void statuses.push(state) },
    onReport: () => {},
    onConnected: () => (wasConnected = true),
    onOver: () => {},
  });
});

const close = () => living.close(deadlineIn(clock, 1_000));

it('keeps nothing open that connects after it was closed', async () => {
  const connecting = living.connect().catch((error: unknown) => error);
  await close();
  connects[0]?.(null, undefined);
  expect(await connecting).toBeInstanceOf(ClosedError);
  await settle();
  expect(open).toBe(0);
  expect(living.native).toBeUndefined();
  expect(wasConnected).toBe(false);
});

it('tries no further when it was closed between two attempts', async () => {
  void living.reconnect();
  connects[0]?.(Object.assign(new Error('no broker'), { code: -195 }) as never, undefined);
  await settle();
  await close();
  await clock.advance(60_000);
  expect(connects.length).toBe(1);
});

it('is connected by the attempt that succeeds, until it is closed', async () => {
  void living.reconnect();
  connects[0]?.(Object.assign(new Error('no broker'), { code: -195 }) as never, undefined);
  await settle();
  await clock.advance(60_000);
  connects[1]?.(null, undefined);
  await settle();
  expect(wasConnected).toBe(true);
  expect(open).toBe(1);
  await close();
  expect(open).toBe(0);
});

it.each([
  ['all connections are lost', -187],
  ['one is lost: that of a frozen broker may count as there', -195],
  ['a request has timed out', -185],
])('asks whether a broker answers when %s', async (_, code) => {
  void living.connect();
  connects[0]?.(null, undefined);
  await settle();
  for (const listener of listeners) listener(Object.assign(new Error('lost'), { code }));
  await settle();
  expect(asked).toHaveLength(1);
  asked[0]?.(Object.assign(new Error('timed out'), { code: -185 }) as never, undefined);
  await settle();
  expect(statuses.at(-1)).toBe('down');
  await clock.advance(1_000);
  asked[1]?.(null, {});
  await settle();
  expect(statuses.at(-1)).toBe('up');
  await close();
});
