import { AsyncLocalStorage } from 'node:async_hooks';
import { type CanActivate, type ExecutionContext, Inject, Injectable, Module, Scope, UseGuards } from '@nestjs/common';
import { ModulesContainer, NestFactory, REQUEST, Reflector } from '@nestjs/core';
import type { Server } from '@nestjs/microservices';
import { of } from 'rxjs';
import { delay, tap } from 'rxjs/operators';
import { afterEach, describe, expect, it } from 'vitest';
import {
  BatchContext,
  Consumer,
  MemoryBroker,
  type MessageContext,
  messagingMicroservice,
  MessagingModule,
  Producer,
  ProducerService,
  Worker,
  WorkerHost,
} from '../../lib/index.js';
import { deferred } from '../support/deferred.js';
import { eventually } from '../support/eventually.js';
import { type AppSpec, LogRecorder, startApp, testModule } from '../support/test-app.js';

type Start = (transportId: unknown, context: unknown, done: () => Promise<unknown>) => unknown;
type End = (transportId: unknown, context: unknown) => void;

const options = () => ({ memory: { broker: new MemoryBroker() } });

/** What instruments do: they hear of every server of the app, and hook in. */
function instrument(modules: ModulesContainer, start: Start, end: End = () => {}): void {
  modules.getRpcTargetRegistry<Server>().subscribe((server) => {
    server.setOnProcessingStartHook(start);
    server.setOnProcessingEndHook(end);
  });
}

/** An app with these handlers, instrumented before it listens. */
async function startWith(spec: AppSpec, start: Start, end?: End) {
  const log = new LogRecorder();
  const module = await testModule({ options: options(), ...spec })
    .setLogger(log)
    .compile();
  const app = module.createNestMicroservice({ ...messagingMicroservice(), logger: log });
  instrument(app.get(ModulesContainer), start, end);
  await app.listen();
  return { app, log, producer: app.get(ProducerService) };
}

let close = async () => {};
afterEach(async () => close());

describe('an instrument that knows of Nest’s servers', () => {
  const told: unknown[] = [];
  const run = async (spec: AppSpec, start: Start = (_id, _context, done) => done(), end?: End) => {
    told.length = 0;
    const started = await startWith(
      spec,
      (id, context, done) => {
        told.push(['start', id, (context as MessageContext).topic]);
        return start(id, context, done);
      },
      end ?? ((id, context) => told.push(['end', id, (context as MessageContext).topic])),
    );
    close = () => started.app.close();
    return started;
  };
  const id = Symbol.for('nestjs-messaging');

  it('is told of each message before its handler and after, with its context', async () => {
    @Injectable()
    class Handlers {
      @Consumer({ topic: 'a' })
      async onA(message: number) {
        told.push(message);
      }
    }
    const { producer } = await run({ providers: [Handlers] });
    for (const message of [1, 2]) await producer.send({ topic: 'a', message, key: 'k' });
    const one = (n: number) => [['start', id, 'a'], n, ['end', id, 'a']];
    await eventually(() => expect(told).toEqual([...one(1), ...one(2)]));
  });

  it('hears of the end once the handler has failed, or its promise or observable has ended', async () => {
    @Injectable()
    class Handlers {
      @Consumer({ topic: 'failing', maxRetries: 1, initialDelayMs: 1 })
      async onFailing() {
        told.push('failing');
        throw new Error('no');
      }

      @Worker({ topic: 'slow', outputTopic: 'out' })
      onSlow(message: number) {
        return of(message).pipe(
          delay(5),
          tap(() => told.push('slow')),
        );
      }

      @Consumer({ topic: 'out' })
      async onOut(message: number) {
        told.push(`out ${message}`);
      }
    }
    const { producer } = await run({ providers: [Handlers] });
    await producer.send({ topic: 'failing', message: 1 });
    const once = [['start', id, 'failing'], 'failing', ['end', id, 'failing']];
    await eventually(() => expect(told).toEqual([...once, ...once]));
    told.length = 0;
    await producer.send({ topic: 'slow', message: 2 });
    const around = (topic: string, ...what: string[]) => [['start', id, topic], ...what, ['end', id, topic]];
    await eventually(() => expect(told).toEqual([...around('slow', 'slow'), ...around('out', 'out 2')]));
  });

  it('is told of a batch once', async () => {
    const contexts: unknown[] = [];
    @Injectable()
    class Handlers {
      @Consumer({ topic: 'a', batchSize: 2, batchTimeoutMs: 60_000 })
      async onBatch(messages: number[]) {
        told.push(messages);
      }
    }
    const { producer } = await run({ providers: [Handlers] }, (_id, context, done) => {
      contexts.push(context);
      return done();
    });
    await producer.sendBatch({ topic: 'a', messages: [1, 2], key: () => 'k' });
    await eventually(() =>
      expect(told).toEqual([
        ['start', id, 'a'],
        [1, 2],
        ['end', id, 'a'],
      ]),
    );
    expect(contexts).toMatchObject([{ messages: [{ offset: '0' }, { offset: '1' }] }]);
    expect(contexts[0]).toBeInstanceOf(BatchContext);
  });

  it('is not told of a batch of which nothing can be read', async () => {
    const contexts: unknown[] = [];
    const handled: unknown[] = [];
    @Injectable()
    class Handlers {
      @Consumer({ topic: 'a', batchSize: 2, batchTimeoutMs: 20 })
      async onBatch(messages: number[]) {
        handled.push(messages);
      }
    }
    const { app, producer } = await startWith({ providers: [Handlers] }, (_id, context, done) => {
      contexts.push(context);
      return done();
    });
    close = () => app.close();
    const broken = Buffer.from('{oops');
    await producer.sendBatch({ topic: 'a', messages: [broken, broken], raw: true, key: () => 'k' });
    await producer.send({ topic: 'a', message: 1, key: 'k' });
    await eventually(() => expect(handled).toEqual([[1]]));
    expect(contexts).toMatchObject([{ messages: [{ offset: '2' }] }]);
  });

  it('gives each message an async context of its own, for guards, constructors, the handler and what it sends', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const see = (place: string) => seen.push(`${place} ${store.getStore()}`);
    class Guard implements CanActivate {
      canActivate() {
        see('guard');
        return true;
      }
    }
    const [first, second] = [deferred(), deferred()];
    @Injectable({ scope: Scope.REQUEST })
    class Handlers {
      constructor(@Inject(REQUEST) _request: unknown) {
        see('constructor');
      }

      @UseGuards(Guard)
      @Consumer({ topic: 'a', concurrency: 2 })
      async onA(message: number) {
        await (message === 1 ? first : second).promise;
        see(`handler ${message}`);
      }
    }
    const { producer } = await run({ providers: [Handlers] }, (_id, context, done) =>
      store.run((context as MessageContext).key ?? '', done),
    );
    for (const message of [1, 2]) await producer.send({ topic: 'a', message, key: `key-${message}` });
    await eventually(() => expect(seen).toHaveLength(4));
    second.resolve();
    await eventually(() => expect(seen).toHaveLength(5));
    first.resolve();
    await eventually(() => expect(seen).toHaveLength(6));
    expect(new Set(seen)).toEqual(
      new Set([
        'constructor key-1',
        'constructor key-2',
        'guard key-1',
        'guard key-2',
        'handler 1 key-1',
        'handler 2 key-2',
      ]),
    );
  });

  it('that enters a store does not leak it into later messages', async () => {
    const store = new AsyncLocalStorage<number>();
    const before: unknown[] = [];
    @Injectable()
    class Handlers {
      @Consumer({ topic: 'a' })
      async onA() {}
    }
    let count = 0;
    const { producer } = await run({ providers: [Handlers] }, (_id, _context, done) => {
      before.push(store.getStore());
      store.enterWith(++count);
      return done();
    });
    for (const message of [1, 2, 3]) await producer.send({ topic: 'a', message, key: 'k' });
    await eventually(() => expect(before).toEqual([undefined, undefined, undefined]));
  });

  it.each<[string, Start, End?]>([
    [
      'before',
      () => {
        throw new Error('broken');
      },
    ],
    ['before, with a promise', async () => Promise.reject(new Error('broken'))],
    [
      'after',
      (_id, _context, done) => done(),
      () => {
        throw new Error('broken');
      },
    ],
  ])('that throws %s the handler harms no message', async (_when, start, end) => {
    const handled: unknown[] = [];
    @Injectable()
    class Handlers {
      @Consumer({ topic: 'a' })
      async onA(message: number) {
        handled.push(message);
      }
    }
    const { producer, log } = await run({ providers: [Handlers] }, start, end);
    for (const message of [1, 2]) await producer.send({ topic: 'a', message, key: 'k' });
    await eventually(() => expect(handled).toEqual([1, 2]));
    const line = 'A hook that an instrument set with setOnProcessingStartHook or setOnProcessingEndHook failed: broken';
    await eventually(() => expect(log.texts('error')).toEqual([line, line]));
  });

  it('may hook in after the handlers have started', async () => {
    @Injectable()
    class Handlers {
      @Consumer({ topic: 'a' })
      async onA(message: number) {
        told.push(message);
      }
    }
    told.length = 0;
    const { app } = await startApp({ options: options(), providers: [Handlers] });
    close = () => app.close();
    await app.get(ProducerService).send({ topic: 'a', message: 1, key: 'k' });
    await eventually(() => expect(told).toEqual([1]));
    instrument(
      app.get(ModulesContainer),
      (_id, _context, done) => {
        told.push('start');
        return done();
      },
      () => told.push('end'),
    );
    await app.get(ProducerService).send({ topic: 'a', message: 2, key: 'k' });
    await eventually(() => expect(told).toEqual([1, 'start', 2, 'end']));
  });
});

describe('an `instrument.instanceDecorator` that wraps the methods of all instances', () => {
  const calls: string[] = [];
  /** As tracers do: each method is another function, which knows nothing of decorators. */
  const traced = (instance: unknown): unknown => {
    if (typeof instance !== 'object' || instance === null) return instance;
    return new Proxy(instance, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function' || name === 'constructor') return value;
        return (...args: unknown[]): unknown => {
          calls.push(`${target.constructor.name}.${String(name)}`);
          return Reflect.apply(value, target, args);
        };
      },
    });
  };
  const start = async (spec: AppSpec) => {
    calls.length = 0;
    @Module({ ...spec, imports: [MessagingModule.forRoot({ ...options(), groupId: 'traced' })] })
    class AppModule {}
    const app = await NestFactory.createMicroservice(AppModule, {
      ...messagingMicroservice(),
      logger: false,
      abortOnError: false,
      instrument: { instanceDecorator: traced },
    });
    await app.listen();
    close = () => app.close();
    return app.get(ProducerService);
  };

  it('hides no handler: methods and classes are found and called through it', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Methods {
      @Producer({ topic: 'jobs' })
      async send(n: number) {
        return { n };
      }

      @Consumer({ topic: 'numbers' })
      async onNumber(n: number) {
        await this.send(n);
      }
    }
    @Worker({ topic: 'jobs' })
    class Jobs extends WorkerHost<{ n: number }> {
      async process(job: { n: number }) {
        seen.push(job);
      }
      override async onSuccess() {
        seen.push('done');
      }
    }
    const producer = await start({ providers: [Methods, Jobs] });
    await producer.send({ topic: 'numbers', message: 1 });
    await eventually(() => expect(seen).toEqual([{ n: 1 }, 'done']));
    expect(calls).toEqual(expect.arrayContaining(['Methods.onNumber', 'Jobs.process', 'Jobs.onSuccess']));
  });

  it('takes no guard away, nor what a guard reads of its handler', async () => {
    const Roles = Reflector.createDecorator<string>();
    const seen: unknown[] = [];
    @Injectable()
    class RoleGuard implements CanActivate {
      constructor(@Inject(Reflector) private readonly reflector: Reflector) {}
      canActivate(context: ExecutionContext) {
        const role = this.reflector.get(Roles, context.getHandler());
        seen.push(role);
        return role !== 'nobody';
      }
    }
    @Injectable()
    class Guarded {
      @Roles('nobody')
      @UseGuards(RoleGuard)
      @Consumer({ topic: 'a' })
      async onA(message: unknown) {
        seen.push(message);
      }

      @Roles('all')
      @UseGuards(RoleGuard)
      @Consumer({ topic: 'b', batchSize: 1 })
      async onB(message: unknown) {
        seen.push(message);
      }
    }
    const producer = await start({ providers: [Guarded, Reflector] });
    await producer.send({ topic: 'a', message: 1 });
    await eventually(() => expect(seen).toEqual(['nobody']));
    await producer.send({ topic: 'b', message: 2 });
    await eventually(() => expect(seen).toEqual(['nobody', 'all', 2]));
    expect(calls).toContain('Guarded.onB');
  });
});
