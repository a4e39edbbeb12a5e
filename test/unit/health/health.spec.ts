import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import {
  AuthenticationError,
  AuthorizationError,
  BrokerError,
  BrokerUnavailableError,
  Consumer,
  type MessageContext,
  MessagingHealthIndicator,
  ProducerService,
  UnknownTopicError,
  WorkerService,
} from '../../../lib/index.js';
import { systemClock, type Clock } from '../../../lib/core/clock.js';
import type { DeliverySink, Driver, DriverContext } from '../../../lib/driver/driver.js';
import type { DriverFactory } from '../../../lib/driver/driver.factory.js';
import { memoryFeatures } from '../../../lib/driver/memory/memory.features.js';
import { MemoryDriver } from '../../../lib/driver/memory/memory.driver.js';
import { CLOCK, DRIVER_FACTORY } from '../../../lib/messaging.tokens.js';
import { memoryOptions } from '../../../lib/options/memory.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { deferred } from '../../support/deferred.js';
import { eventually } from '../../support/eventually.js';
import { startApp, type StartedApp, testModule } from '../../support/test-app.js';

/** Memory drivers of which a test has the other ends in hand. */
class HeldDrivers implements DriverFactory {
  readonly sinks: DeliverySink[] = [];
  context: DriverContext | undefined;
  connecting: Promise<void> = Promise.resolve();
  readonly features = () => memoryFeatures;

  readonly create: DriverFactory['create'] = async (_settings, context) => {
    this.context = context;
    const driver: Driver = new MemoryDriver(
      resolveOptions(memoryOptions, { path: '', input: {}, faults: [] }),
      context,
    );
    const subscribe = driver.subscribe.bind(driver);
    driver.connect = () => this.connecting;
    driver.subscribe = (request, sink) => {
      this.sinks.push(sink);
      return subscribe(request, sink);
    };
    return driver;
  };
}

describe('health', () => {
  let started: StartedApp;
  let health: MessagingHealthIndicator;
  let drivers: HeldDrivers;
  let gate = deferred();

  @Injectable()
  class Handlers {
    @Consumer({ topic: 'a', groupId: 'g', maxRetries: 0, deadLetter: 'stop' })
    async a(message: string) {
      if (message === 'fail') throw new Error('no');
      await gate.promise;
    }

    @Consumer({ topic: 'b', groupId: 'h', ack: 'manual', ackTimeoutMs: 1 })
    async b(message: string, context: MessageContext) {
      if (message === 'keep') void gate.promise.then(() => context.ack());
    }
  }

  /** How far the app's clock is ahead of the system's, in ms. */
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };

  const start = async (before = Promise.resolve()) => {
    gate = deferred();
    aheadMs = 0;
    drivers = new HeldDrivers();
    drivers.connecting = before;
    const spec = { options: { broker: 'memory' }, providers: [Handlers] };
    started = await startApp(spec, (builder) =>
      builder.overrideProvider(DRIVER_FACTORY).useValue(drivers).overrideProvider(CLOCK).useValue(clock),
    );
    health = started.app.get(MessagingHealthIndicator);
  };
  const probes = () =>
    [health.startup(), health.readiness(), health.liveness()].map(({ messaging }) => messaging.status);
  const allUp = () => eventually(() => expect(probes()).toEqual(['up', 'up', 'up']));

  afterEach(async () => {
    gate.resolve();
    await started.app.close();
  });

  it('is up once the handlers run, in the shape of @nestjs/terminus, under a key of your choice', async () => {
    await start();
    await allUp();
    expect(health.readiness('kafka')).toEqual({
      kafka: {
        status: 'up',
        problems: [],
        degraded: [],
        connections: { memory: 'up' },
        handlers: { running: ['Handlers.a', 'Handlers.b'] },
      },
    });
  });

  it('is not ready, but alive, while the broker is lost, and names the connection and the reason', async () => {
    await start();
    await allUp();
    const error = new BrokerUnavailableError('no broker at localhost:9092');
    drivers.context?.onStatus({ state: 'down', error });
    for (let times = 0; times < 5; times++) drivers.sinks[0]?.onError(error, { fatal: false });
    expect(probes()).toEqual(['up', 'down', 'up']);
    expect(health.readiness().messaging).toMatchObject({
      problems: [
        'connection memory is down: no broker at localhost:9092',
        'group g of memory is being joined again: no broker at localhost:9092',
      ],
      connections: { memory: 'down' },
    });
    drivers.context?.onStatus({ state: 'up' });
    drivers.sinks[0]?.onAssigned([]);
    expect(probes()).toEqual(['up', 'up', 'up']);
  });

  it.each([
    new AuthenticationError('the login was refused'),
    new AuthorizationError('the group is forbidden'),
    new UnknownTopicError('a'),
  ])('is not ready, but alive, while the broker refuses: %s', async (error) => {
    await start();
    await allUp();
    for (let times = 0; times < 5; times++) drivers.sinks[0]?.onError(error, { fatal: false });
    expect(probes()).toEqual(['up', 'down', 'up']);
  });

  it('has not started while the broker has never answered', async () => {
    await start(Promise.reject(new BrokerUnavailableError('not yet')));
    expect(probes()).toEqual(['down', 'down', 'up']);
    expect(health.startup().messaging.problems).toEqual([
      'handler Handlers.a has not started yet',
      'handler Handlers.b has not started yet',
    ]);
    drivers.connecting = Promise.resolve();
    await allUp();
  });

  it('is not ready while a handler has failed; the process is alive', async () => {
    await start();
    await allUp();
    await started.app.get(ProducerService).send({ topic: 'a', message: 'fail' });
    await eventually(() => expect(probes()).toEqual(['up', 'down', 'up']));
    expect(health.readiness().messaging).toMatchObject({
      problems: ['handler Handlers.a has failed: no'],
      handlers: { failed: ['Handlers.a'], running: ['Handlers.b'] },
    });
  });

  it('names a crash loop: not ready at once, not alive after three rebuilds in vain, alive when one succeeds', async () => {
    await start();
    await allUp();
    const crash = () =>
      drivers.sinks[0]?.onError(new BrokerError('corrupt answer', { retryable: true }), { fatal: false });
    crash();
    crash();
    expect(probes()).toEqual(['up', 'down', 'up']);
    crash();
    expect(probes()).toEqual(['up', 'down', 'down']);
    expect(health.liveness().messaging.problems).toEqual([
      'group g of memory was rebuilt 3 times in vain: corrupt answer',
    ]);
    drivers.sinks[0]?.onAssigned([]);
    expect(probes()).toEqual(['up', 'up', 'up']);
  });

  it('is degraded, and up, for a minute after the broker had lost what a group needs', async () => {
    await start();
    await allUp();
    drivers.sinks[0]?.onRestored?.(new BrokerError('the group had vanished', { retryable: true }));
    expect(health.readiness().messaging).toMatchObject({
      status: 'up',
      problems: [],
      degraded: ['the group had vanished'],
    });
    aheadMs = 59_000;
    expect(health.readiness().messaging.degraded).toEqual(['the group had vanished']);
    aheadMs = 60_001;
    expect(health.readiness().messaging.degraded).toEqual([]);
  });

  it('stays up for slow, paused and stopped handlers, and is degraded by a forgotten acknowledgement', async () => {
    await start();
    await allUp();
    const workers = started.app.get(WorkerService);
    await started.app.get(ProducerService).send({ topic: 'a', message: 'slow' });
    await started.app.get(ProducerService).send({ topic: 'b', message: 'keep' });
    await eventually(() => expect(workers.stats('Handlers.a').running).toBe(1));
    await eventually(() =>
      expect(health.readiness().messaging).toMatchObject({
        status: 'up',
        degraded: ['handler Handlers.b has not acknowledged messages within 1 ms'],
      }),
    );
    gate.resolve();
    await eventually(() => expect(health.readiness().messaging.degraded).toEqual([]));
    workers.pause('Handlers.a');
    await workers.stop('Handlers.b');
    expect(health.readiness().messaging).toMatchObject({
      status: 'up',
      handlers: { paused: ['Handlers.a'], stopped: ['Handlers.b'] },
    });
  });

  it('is not ready once the app closes', async () => {
    await start();
    await allUp();
    await started.app.get(ProducerService).send({ topic: 'a', message: 'slow' });
    await eventually(() => expect(started.app.get(WorkerService).stats('Handlers.a').running).toBe(1));
    const closing = started.app.close();
    await eventually(() => expect(health.readiness().messaging.problems).toEqual(['the app closes']));
    expect(health.liveness().messaging.status).toBe('up');
    gate.resolve();
    await closing;
  });

  it('does not wait for handlers in a process that only sends', async () => {
    const module = await testModule({ options: { broker: 'memory' }, providers: [Handlers] }).compile();
    const app = module.createNestApplication();
    health = app.get(MessagingHealthIndicator);
    expect(health.startup().messaging).toMatchObject({ problems: ['the app has not bootstrapped yet'] });
    await app.init();
    expect(probes()).toEqual(['up', 'up', 'up']);
    started = { app: app as never, log: undefined as never };
  });
});
