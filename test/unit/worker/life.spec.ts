import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  type INestApplication,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  AuthenticationError,
  BrokerUnavailableError,
  Consumer,
  EventTopic,
  MemoryBroker,
  type MessagingError,
  messagingMicroservice,
  MessagingModule,
  Producer,
  ProducerService,
  ReadOnlyReplicaError,
} from '../../../lib/index.js';
import type { Driver } from '../../../lib/driver/driver.js';
import type { DriverFactory } from '../../../lib/driver/driver.factory.js';
import { memoryFeatures } from '../../../lib/driver/memory/memory.features.js';
import { MemoryDriver } from '../../../lib/driver/memory/memory.driver.js';
import { CLOCK, DRIVER_FACTORY } from '../../../lib/messaging.tokens.js';
import { memoryOptions } from '../../../lib/options/memory.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { MessagingRuntime } from '../../../lib/worker/messaging.runtime.js';
import { deferred } from '../../support/deferred.js';
import { eventually } from '../../support/eventually.js';
import { type AppSpec, LogRecorder, startApp, testModule } from '../../support/test-app.js';

@Injectable()
class Audit {
  readonly seen: unknown[] = [];

  @Consumer({ topic: 'events' })
  async onEvent(message: unknown) {
    this.seen.push(message);
  }
}

/** Memory drivers whose first attempts to connect fail, and whose first looks at topics do. */
function failingDrivers(failures: MessagingError[], looks: MessagingError[] = []): DriverFactory {
  return {
    features: () => memoryFeatures,
    async create(_settings, context) {
      const driver: Driver = new MemoryDriver(
        resolveOptions(memoryOptions, { path: '', input: {}, faults: [] }),
        context,
      );
      driver.connect = async () => {
        const failure = failures.shift();
        if (failure) throw failure;
      };
      const describe = driver.admin.describe.bind(driver.admin);
      driver.admin.describe = async (topics) => {
        const failure = looks.shift();
        if (failure) throw failure;
        return describe(topics);
      };
      return driver;
    },
  };
}

describe('start', () => {
  const unavailable = () => new BrokerUnavailableError('the broker is down');
  const startWith = (failures: MessagingError[], spec: AppSpec = {}) =>
    startApp({ options: { broker: 'memory' }, ...spec }, (builder) =>
      builder.overrideProvider(DRIVER_FACTORY).useValue(failingDrivers(failures)),
    );

  it('goes on while the broker cannot be reached, with one line an attempt, and sends wait for it', async () => {
    const { app, log } = await startWith([unavailable(), unavailable()]);
    await app.get(ProducerService).send({ topic: 'events', message: 1 });
    expect(log.texts('warn')).toEqual([
      'Connection `memory` is down, next attempt in 250 ms: the broker is down',
      'Connection `memory` is down, next attempt in 500 ms: the broker is down',
    ]);
    await app.close();
  });

  it('starts the handlers when the broker comes up', async () => {
    const { app } = await startWith([unavailable()], { providers: [Audit] });
    await app.get(ProducerService).send({ topic: 'events', message: 1 });
    await eventually(() => expect(app.get(Audit).seen).toEqual([1]));
    await app.close();
  });

  const readOnly = () => new ReadOnlyReplicaError('it has become a replica', { retryable: true });
  it.each([
    ['goes away at its start', 0, unavailable],
    ['goes away when it comes late', 1, unavailable],
    ['becomes a replica at its start', 0, readOnly],
  ])('starts the handlers although the broker %s, while its topics are looked after', async (_, late, trouble) => {
    const drivers = failingDrivers(Array.from({ length: late }, unavailable), [trouble(), trouble()]);
    const spec = { options: { broker: 'memory' }, providers: [Audit] };
    const { app, log } = await startApp(spec, (builder) => builder.overrideProvider(DRIVER_FACTORY).useValue(drivers));
    await eventually(async () => {
      await app.get(ProducerService).send({ topic: 'events', message: 1 });
      expect(app.get(Audit).seen).toContain(1);
    });
    const { message } = trouble();
    expect(log.texts('warn').at(-1)).toMatch(
      new RegExp(`^Topics and schemas of connection \`memory\` are looked after again in \\d+ ms: ${message}$`),
    );
    await app.close();
  });

  it('looks after topics no more once it closes', async () => {
    const looks = Array.from({ length: 100 }, unavailable);
    const spec = { options: { broker: 'memory' }, providers: [Audit] };
    const drivers = failingDrivers([], looks);
    const clock = new FakeClock();
    const { app } = await startApp(spec, (builder) =>
      builder.overrideProvider(DRIVER_FACTORY).useValue(drivers).overrideProvider(CLOCK).useValue(clock),
    );
    await clock.advance(250);
    const before = looks.length;
    await clock.advance(30_000);
    expect(looks.length).toBeLessThan(before);
    await app.close();
    const left = looks.length;
    await clock.advance(60_000);
    expect(looks).toHaveLength(left);
  });

  it('fails when the broker goes away while its topics are looked after and failFast is set', async () => {
    const drivers = failingDrivers([], [new BrokerUnavailableError('it went away')]);
    const starting = startApp({ options: { broker: 'memory', failFast: true }, providers: [Audit] }, (builder) =>
      builder.overrideProvider(DRIVER_FACTORY).useValue(drivers),
    );
    await expect(starting).rejects.toThrow('it went away');
  });

  it('tells by `app.status` whether the brokers of its handlers answer, and when it has stopped', async () => {
    const seen: string[] = [];
    const builder = testModule({ options: { broker: 'memory' }, providers: [Audit] }).setLogger(new LogRecorder());
    const drivers = failingDrivers([unavailable()]);
    const module = await builder.overrideProvider(DRIVER_FACTORY).useValue(drivers).compile();
    const app = module.createNestMicroservice(messagingMicroservice());
    app.status.subscribe((status) => seen.push(status));
    expect(seen).toEqual([]);
    await app.listen();
    await eventually(() => expect(seen).toEqual(['disconnected', 'connected']));
    await app.close();
    expect(seen).toEqual(['disconnected', 'connected', 'stopped']);
  });

  it('fails when the broker cannot be reached and failFast is set', async () => {
    await expect(startWith([unavailable()], { options: { broker: 'memory', failFast: true } })).rejects.toThrow(
      'Connection `memory` is not up after 5000 ms, and `failFast` is set. Start the broker, or correct its address.',
    );
  });

  it('fails at once on wrong credentials', async () => {
    await expect(startWith([new AuthenticationError('wrong password')])).rejects.toThrow('wrong password');
  });

  it('fails `startAllMicroservices` on wrong credentials, too', async () => {
    const drivers = failingDrivers([new AuthenticationError('wrong password')]);
    const builder = testModule({ options: { broker: 'memory' }, providers: [Audit] }).setLogger(new LogRecorder());
    const module = await builder.overrideProvider(DRIVER_FACTORY).useValue(drivers).compile();
    const app = module.createNestApplication();
    app.connectMicroservice(messagingMicroservice());
    await expect(app.startAllMicroservices()).rejects.toThrow('wrong password');
    await app.close();
  });

  it('creates the topics of a connection that is only sent over, however late it comes', async () => {
    class Published extends EventTopic {
      static readonly topicName = 'published';
    }
    @Injectable()
    class Publishing {
      @Producer({ topic: Published, broker: 'eu' })
      async publish() {}
    }
    const broker = new MemoryBroker();
    broker.failNext('connect', new Error('away'));
    const connections = { eu: { kind: 'memory', broker, autoCreateTopics: false } } as const;
    const { app } = await startApp({ options: { broker: 'memory', connections }, providers: [Publishing] });
    await eventually(() => expect(broker.topic('published')).toBeDefined());
    await app.close();
  });

  it('creates the topics of an app that never listens, however late its broker comes', async () => {
    const broker = new MemoryBroker();
    broker.failNext('connect', new Error('away'));
    const connections = { eu: { kind: 'memory', broker, autoCreateTopics: false } } as const;
    const builder = testModule({ options: { broker: 'eu', connections }, providers: [Audit] });
    const app = await builder.setLogger(new LogRecorder()).compile();
    await app.init();
    await eventually(() => expect(broker.topic('events')).toBeDefined());
    await app.close();
  });

  it('creates the topics of handlers and topic classes, @Producer’s too, dead letters with the partitions of their source', async () => {
    class UserEvents extends EventTopic {
      static readonly topicName = 'user-events';
      static override readonly partitions = 7;
    }
    class Declared extends EventTopic {
      static readonly topicName = 'declared';
      static override readonly partitions = 2;
    }
    class Published extends EventTopic {
      static readonly topicName = 'published';
      static override readonly partitions = 4;
    }
    @Injectable()
    class Publishing {
      @Producer({ topic: Published })
      async publish() {}
    }
    @Injectable()
    class Users {
      @Consumer({ topic: UserEvents })
      async onUser() {}
    }
    const broker = new MemoryBroker();
    const options = { memory: { broker, autoCreateTopics: false } };
    const { app } = await startApp({
      options,
      providers: [Users, Publishing, Audit],
      imports: [MessagingModule.forFeature([Declared])],
    });
    const partitions = (topic: string) => broker.topic(topic)?.logs.length;
    const topics = ['user-events', 'user-events-dlq', 'declared', 'published', 'events', 'events-dlq'];
    expect(topics.map(partitions)).toEqual([7, 7, 2, 4, 3, 3]);
    await app.close();
  });

  it('names the topics that are missing when it is only to verify them', async () => {
    const options = { memory: { autoCreateTopics: false }, ensureTopics: 'verify' } as const;
    await expect(startApp({ options, providers: [Audit] })).rejects.toThrow(
      /2 faults:\n {2}- Topic `events` does not exist, and `ensureTopics` is 'verify'\. Create it, or set `ensureTopics: 'create'`\.\n {2}- Topic `events-dlq`/,
    );
  });

  it('looks at no topic when told so', async () => {
    const broker = new MemoryBroker();
    const { app } = await startApp({
      options: { memory: { broker, autoCreateTopics: false }, ensureTopics: false },
      providers: [Audit],
    });
    expect(broker.topic('events')).toBeUndefined();
    await app.close();
  });

  it('does not start the handlers of a disabled connection, and says so', async () => {
    const options = { broker: 'kafka', kafka: { enabled: false, bootstrapServers: 'localhost:1' } };
    const { app, log } = await startApp({ options, providers: [Audit] });
    await eventually(() =>
      expect(log.texts('error')).toEqual(['Handler Audit.onEvent is not started: connection kafka is disabled']),
    );
    await app.close();
  });

  it('warns when nothing listens for the signal that ends a deployment, unless every broker is embedded', async () => {
    const others = process.listeners('SIGTERM');
    process.removeAllListeners('SIGTERM');
    const drivers = (isRemote: boolean): DriverFactory => ({
      ...failingDrivers([]),
      features: () => ({ ...memoryFeatures, remote: isRemote }),
    });
    const warnings = async (isRemote: boolean, hooks: boolean) => {
      const log = new LogRecorder();
      const builder = testModule({ options: { broker: 'memory' }, providers: [Audit] }).setLogger(log);
      const module = await builder.overrideProvider(DRIVER_FACTORY).useValue(drivers(isRemote)).compile();
      const app = module.createNestMicroservice({ ...messagingMicroservice(), logger: log });
      if (hooks) app.enableShutdownHooks();
      await app.listen();
      await app.close();
      return log.texts('warn');
    };
    expect(await warnings(true, false)).toEqual([
      'Nothing listens for SIGTERM: a deployment would end this process in the middle of its messages, which then come again. Call app.enableShutdownHooks() before app.listen().',
    ]);
    expect(await warnings(true, true)).toEqual([]);
    process.removeAllListeners('SIGTERM');
    expect(await warnings(false, false)).toEqual([]);
    for (const listener of others) process.on('SIGTERM', listener);
  });

  it('says a line for each handler', async () => {
    const { app, log } = await startApp({ options: { broker: 'memory' }, providers: [Audit] });
    await eventually(() =>
      expect(log.texts('log')).toContain(
        'Audit.onEvent ← events (memory, group test-group, concurrency 1), dead letters events-dlq',
      ),
    );
    await app.close();
  });

  it('lets a deployment change a handler', async () => {
    const handlers = { 'Audit.onEvent': { concurrency: 5, groupId: 'other' } };
    const { app, log } = await startApp({ options: { broker: 'memory', handlers }, providers: [Audit] });
    await eventually(() =>
      expect(log.texts('log')).toContain(
        'Audit.onEvent ← events (memory, group other, concurrency 5), dead letters events-dlq',
      ),
    );
    await app.close();
  });

  it('warns when handlers are there and no microservice is connected', async () => {
    const log = new LogRecorder();
    const module = await testModule({ options: { broker: 'memory' }, providers: [Audit] })
      .setLogger(log)
      .compile();
    await module.init();
    expect(log.texts('warn')[0]).toBe(
      '1 handlers were found, but nothing starts them. Call app.connectMicroservice(messagingMicroservice()) and app.startAllMicroservices(), or use NestFactory.createMicroservice.',
    );
    await module.close();
  });

  describe('of a microservice that is connected', () => {
    const warningsOf = async (live: (app: INestApplication, clock: FakeClock) => Promise<void>) => {
      const clock = new FakeClock();
      const log = new LogRecorder();
      const builder = testModule({ options: { broker: 'memory' }, providers: [Audit] }).setLogger(log);
      const module = await builder.overrideProvider(CLOCK).useValue(clock).compile();
      const app = module.createNestApplication();
      app.connectMicroservice(messagingMicroservice());
      await live(app, clock);
      return log.texts('warn');
    };

    it('is warned of when it does not come for a while, and not when it comes later', async () => {
      const warnings = (startAfterMs: number) =>
        warningsOf(async (app, clock) => {
          await app.init();
          await clock.advance(startAfterMs);
          await app.startAllMicroservices();
          await clock.advance(60_000);
          await app.close();
        });
      expect(await warnings(60_000)).toEqual([
        '1 handlers were found and a microservice is connected for them, but it was not started within 10000 ms, so nothing is handled. Call app.startAllMicroservices().',
      ]);
      expect(await warnings(0)).toEqual([]);
    });

    it('is not waited for when the app is closed while it initialises', async () => {
      const warnings = await warningsOf(async (app, clock) => {
        const initialising = app.init();
        await app.close();
        await initialising;
        await clock.advance(60_000);
      });
      expect(warnings).toEqual([]);
    });
  });
});

describe('a hybrid app', () => {
  it('handles nothing before every module has bootstrapped, and drains before any module is destroyed', async () => {
    const broker = new MemoryBroker();
    const order: string[] = [];
    @Injectable()
    class Database implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
      async onModuleInit() {
        order.push('init');
      }
      async onApplicationBootstrap() {
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push('bootstrap');
      }
      onModuleDestroy() {
        order.push('destroyed');
      }
    }
    let release = () => {};
    @Injectable()
    class Slow {
      @Consumer({ topic: 'events' })
      async onEvent() {
        order.push('handling');
        await new Promise<void>((resolve) => (release = resolve));
        order.push('handled');
      }
    }
    broker.createTopic('events', 1);
    const module = await testModule({ options: { memory: { broker } }, providers: [Database, Slow] }).compile();
    const app = module.createNestApplication();
    app.connectMicroservice(messagingMicroservice());
    broker.append(broker.topic('events')!, 0, { topic: 'events', key: null, value: Buffer.from('1'), headers: [] });
    await app.startAllMicroservices();
    await app.init();
    await eventually(() => expect(order).toContain('handling'));
    const closing = app.close();
    setTimeout(() => release(), 30);
    await closing;
    expect(order).toEqual(['init', 'bootstrap', 'handling', 'handled', 'destroyed']);
    expect(broker.group('test-group').position('events', 0)).toBe(1);
  });

  it('begins nothing once it closes, however long the driver takes to stop fetching', async () => {
    const broker = new MemoryBroker();
    const fetching = deferred();
    const drivers: DriverFactory = {
      features: () => memoryFeatures,
      async create(_settings, context) {
        const options = resolveOptions(memoryOptions, { path: '', input: { broker }, faults: [] });
        const driver: Driver = new MemoryDriver(options, context);
        const subscribe = driver.subscribe.bind(driver);
        driver.subscribe = (request, sink) => {
          const subscription = subscribe(request, sink);
          const stop = subscription.stop.bind(subscription);
          subscription.stop = (deadline) => fetching.promise.then(() => stop(deadline));
          return subscription;
        };
        return driver;
      },
    };
    const first = deferred();
    const begun: unknown[] = [];
    @Injectable()
    class Slow {
      @Consumer({ topic: 'events' })
      async onEvent(message: unknown) {
        begun.push(message);
        await first.promise;
      }
    }
    broker.createTopic('events', 1);
    const { app } = await startApp({ options: { memory: { broker } }, providers: [Slow] }, (builder) =>
      builder.overrideProvider(DRIVER_FACTORY).useValue(drivers),
    );
    await app.get(ProducerService).sendBatch({ topic: 'events', messages: [1, 2, 3] });
    await eventually(() => expect(begun).toEqual([1]));
    const closing = app.close();
    first.resolve();
    await delay(10);
    expect(begun).toEqual([1]);
    fetching.resolve();
    await closing;
    expect(broker.group('test-group').position('events', 0)).toBe(1);
  });

  it('may be closed twice', async () => {
    const { app } = await startApp({ options: { broker: 'memory' }, providers: [Audit] });
    await app.close();
    await app.close();
    await expect(app.get(MessagingRuntime).drain()).resolves.toBeUndefined();
  });
});
