import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type ArgumentMetadata,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Injectable,
  ParseIntPipe,
  type PipeTransform,
  UseGuards,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, ModulesContainer } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { Consumer, MemoryBroker, messagingMicroservice, ProducerService, Worker, WorkerHost } from '../../lib/index.js';
import type { MessagingOptions } from '../../lib/options/messaging.options.js';
import type { PreRequestHook } from '../../lib/nest/pre-request-hooks.js';
import { eventually } from '../support/eventually.js';
import { type AppSpec, LogRecorder, startApp, type StartedApp, testModule } from '../support/test-app.js';

const seen: string[] = [];
const current = new AsyncLocalStorage<string>();

@Injectable()
class HttpGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    seen.push(`guard ${context.getType()}`);
    return (
      context.switchToHttp().getRequest<{ headers?: { authorization?: string } }>().headers?.authorization === 'me'
    );
  }
}

@Injectable()
class Audit {
  @UsePipes({ transform: (value: unknown) => value })
  @Consumer({ topic: 'events' })
  async onEvent(message: string) {
    seen.push(`handled ${message}`);
  }
}

/** An app that serves HTTP and handles messages. */
async function startHybrid(options: MessagingOptions, spec: AppSpec = {}) {
  const log = new LogRecorder();
  const broker = new MemoryBroker();
  const providers = [Audit, { provide: APP_GUARD, useClass: HttpGuard }, ...(spec.providers ?? [])];
  const module = await testModule({ ...spec, options: { memory: { broker }, ...options }, providers })
    .setLogger(log)
    .compile();
  const app = module.createNestApplication();
  app.connectMicroservice(messagingMicroservice());
  await app.startAllMicroservices();
  await app.init();
  return { app, log };
}

describe('app-wide guards, pipes, interceptors and filters', () => {
  it('do not run for messages in an app that serves HTTP, and one line counts them', async () => {
    const passing = { transform: (value: unknown) => value };
    const { app, log } = await startHybrid({}, { providers: [{ provide: APP_PIPE, useValue: passing }] });
    await app.get(ProducerService).send({ topic: 'events', message: 'one' });
    await eventually(() => expect(seen.splice(0)).toEqual(['handled one']));
    expect(log.texts('log')).toContain(
      'App-wide enhancers do not run for messages (guards: 1, pipes: 1). Bind them to handlers, or set `globalEnhancers: true`.',
    );
    await app.close();
  });

  it('run there too when `globalEnhancers` is true', async () => {
    const { app, log } = await startHybrid({ globalEnhancers: true });
    await app.get(ProducerService).send({ topic: 'events', message: 'one' });
    await eventually(() => expect(log.texts('error')[0]).toContain('is given up (non-retryable): Forbidden resource'));
    expect(seen.splice(0)).toEqual(['guard rpc']);
    expect(log.texts('log').join()).not.toContain('App-wide');
    await app.close();
  });

  it('run in a pure microservice, also those that `useGlobal…` adds before it listens', async () => {
    const pipe: PipeTransform = {
      transform: (value: unknown, { type }: ArgumentMetadata) => (seen.push(`pipe ${type}`), value),
    };
    const module = await testModule({ options: { broker: 'memory' }, providers: [Audit] }).compile();
    const app = module.createNestMicroservice(messagingMicroservice());
    app.useGlobalPipes(pipe);
    app.useGlobalGuards({ canActivate: () => true });
    await app.listen();
    await app.get(ProducerService).send({ topic: 'events', message: 'one' });
    await eventually(() => expect(seen.splice(0)).toEqual(['pipe body', 'handled one']));
    await app.close();
  });

  it('and hooks of `registerPreRequestHook`, where Nest has them, run before guards, each message in a scope of its own', async () => {
    const broker = new MemoryBroker();
    const module = await testModule({ options: { memory: { broker } }, providers: [Audit] }).compile();
    const app = module.createNestMicroservice(messagingMicroservice());
    app.useGlobalGuards({ canActivate: () => (seen.push(`guard ${current.getStore()}`), true) });
    const known = app as unknown as { registerPreRequestHook?: (...hooks: readonly PreRequestHook[]) => void };
    const name = (context: ExecutionContext) =>
      `${context.getClass().name}.${context.getHandler().name} ${context.switchToRpc().getData<string>()}`;
    known.registerPreRequestHook?.(
      (context, next) => {
        seen.push(`${context.getType()} ${current.getStore()}`);
        current.enterWith(name(context));
        return next();
      },
      (_context, next) => (seen.push('second'), next()),
    );
    await app.listen();
    await app.get(ProducerService).sendBatch({ topic: 'events', messages: ['one', 'two'], partition: 0 });
    await eventually(() => expect(seen.at(-1)).toBe('handled two'));
    const expected = ['one', 'two'].flatMap((message) =>
      known.registerPreRequestHook
        ? ['rpc undefined', 'second', `guard Audit.onEvent ${message}`, `handled ${message}`]
        : ['guard undefined', `handled ${message}`],
    );
    expect(seen.splice(0)).toEqual(expected);
    await app.close();
  });

  it('do not run in a pure microservice when `globalEnhancers` is false', async () => {
    const denying = [APP_GUARD, APP_INTERCEPTOR, APP_PIPE, APP_FILTER].map((provide) => ({
      provide,
      useValue: { canActivate: never, intercept: never, transform: never, catch: never },
    }));
    const options = { broker: 'memory', globalEnhancers: false } as const;
    const { app } = await startApp({ options, providers: [Audit, ...denying] });
    await app.get(ProducerService).send({ topic: 'events', message: 'one' });
    await eventually(() => expect(seen.splice(0)).toEqual(['handled one']));
    await app.close();
  });
});

describe('a guard that is bound as a class', () => {
  @Injectable()
  class Counter {
    count = 0;
  }
  @Injectable()
  class CountingGuard implements CanActivate {
    constructor(private readonly counter: Counter) {}
    canActivate() {
      this.counter.count++;
      return true;
    }
  }
  class Handler {
    @UseGuards(CountingGuard)
    @Consumer({ topic: 'events' })
    async onEvent() {
      seen.push('handled');
    }
  }

  const startWith = (spec: AppSpec) =>
    startApp({ ...spec, options: { broker: 'memory' }, providers: [Counter, ...(spec.providers ?? [])] });
  /** How often the guard ran for one message. */
  const countGuarded = async ({ app }: StartedApp): Promise<number> => {
    await app.get(ProducerService).send({ topic: 'events', message: 1 });
    await eventually(() => expect(seen.splice(0)).toEqual(['handled']));
    const { count } = app.get(Counter);
    await app.close();
    return count;
  };

  it.each([
    ['a provider', { providers: [Handler] }],
    ['a controller', { controllers: [Handler] }],
  ])('runs on the handler of %s, with what it depends on', async (_name, spec: AppSpec) => {
    Controller()(Handler);
    expect(await countGuarded(await startWith(spec))).toBe(1);
  });

  it('runs on the handler of a provider under another token, or is an error at start where Nest makes no instance of it', async () => {
    const provider = { provide: 'TOKEN', useClass: Handler };
    const module = await Test.createTestingModule({ providers: [Counter, provider] }).compile();
    const modules = [...module.get(ModulesContainer).values()];
    const isMade = modules.some(({ injectables }) => injectables.has(CountingGuard));
    const answer = await startWith({ providers: [provider] }).then(countGuarded, (error: Error) => error.message);
    expect(String(answer)).toMatch(isMade ? /^1$/ : /Nest makes no instance of it/);
  });

  it('is an error at start where Nest would leave it out without a word', async () => {
    class Value {
      @UseGuards(CountingGuard)
      @Consumer({ topic: 'events' })
      async onEvent() {}
    }
    const options = { broker: 'memory' };
    await expect(startApp({ options, providers: [{ provide: 'VALUE', useValue: new Value() }] })).rejects.toThrow(
      '`CountingGuard` is bound to Value.onEvent in TestAppModule, but Nest makes no instance of it, so it would not run: the handler is not provided by its class. Provide it as a class, or bind an instance (`new CountingGuard()`).',
    );
  });
});

describe('a pipe on a part of each message', () => {
  it('is an error at start where a handler takes batches, whose messages go through pipes whole', async () => {
    class Batches {
      @Consumer({ topic: 'events', batchSize: 2 })
      async onEvents(@Payload('id', ParseIntPipe) _ids: number[], @Payload('at') _times: string[]) {}
    }
    const options = { broker: 'memory' };
    await expect(startApp({ options, providers: [Batches] })).rejects.toThrow(
      "`Batches.onEvents` takes `@Payload('id')` of a batch through a pipe, and each message goes through pipes as a whole. Take the message whole and convert the part in the handler, or set `batchSize` to 1.",
    );
  });
});

describe('a ValidationPipe', () => {
  it('that has no type to validate by is told of at start, once a handler', async () => {
    class Order {}
    @UsePipes(new ValidationPipe())
    @Worker({ topic: 'a' })
    class Untyped extends WorkerHost<Order> {
      override async process(_order: Order) {}
    }
    @UsePipes(new ValidationPipe())
    @Worker({ topic: 'b', schema: Order })
    class Typed extends WorkerHost<Order> {
      override async process(_order: Order) {}
    }
    const { app, log } = await startApp({ options: { broker: 'memory' }, providers: [Untyped, Typed] });
    await eventually(() =>
      expect(log.texts('warn')).toEqual([
        'Untyped.process has a ValidationPipe, but the type of its message is not known at run time, so nothing is validated. Set `schema` on the handler, or import the class as a value.',
      ]),
    );
    await app.close();
  });
});

function never(): never {
  throw new Error('must not run');
}
