import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Inject,
  Injectable,
  Scope,
  UseGuards,
  UsePipes,
} from '@nestjs/common';
import { APP_GUARD, ContextIdFactory, REQUEST } from '@nestjs/core';
import type { RequestContext } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from 'vitest';
import { Consumer, type MessageContext, skip, Worker, WorkerHost } from '../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../lib/testing/index.js';
import { type AppSpec, testModule } from '../support/test-app.js';

describe('scopes', () => {
  let messaging: TestMessaging;
  const seen: unknown[] = [];
  const start = async (spec: AppSpec) => (messaging = await createTestMessaging(testModule(spec)));
  const deliver = async (topic: string, ...messages: unknown[]) => {
    for (const message of messages) await messaging.deliver(topic, message, { key: 'k' });
    await messaging.advance(1_000);
  };

  afterEach(async () => {
    seen.length = 0;
    await messaging.close();
  });

  it('request: an instance for each message and what it depends on, with the message in REQUEST', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Current {
      constructor(@Inject(REQUEST) readonly request: RequestContext<{ readonly n: number }>) {}
    }
    let made = 0;
    @Injectable()
    class Handler {
      private readonly number = ++made;
      constructor(private readonly current: Current) {}

      @Consumer({ topic: 'a' })
      async onA(message: { readonly n: number }, context: MessageContext) {
        const { request } = this.current;
        seen.push([
          this.number,
          request.getData().n === message.n,
          request.getContext() === context,
          request.getPattern(),
        ]);
      }
    }
    await start({ providers: [Handler, Current] });
    await deliver('a', { n: 1 }, { n: 2 });
    expect(seen).toEqual([
      [1, true, true, 'a'],
      [2, true, true, 'a'],
    ]);
  });

  it.each([
    ['called directly', []],
    ['with a guard around it', [{ provide: APP_GUARD, useValue: { canActivate: () => true } }]],
  ])(
    'request: a class worker, with its hooks on the same instance, a new one for each attempt: %s',
    async (_, around) => {
      let made = 0;
      @Injectable({ scope: Scope.REQUEST })
      @Worker({ topic: 'a', maxRetries: 1, retryBackoff: 'fixed', initialDelayMs: 0 })
      class Host extends WorkerHost<string> {
        private readonly number = ++made;
        override async process(message: string) {
          seen.push(['process', this.number]);
          if (message === 'bad') throw new Error('no');
        }
        override onSuccess() {
          seen.push(['success', this.number]);
        }
        override onRetry() {
          seen.push(['retry', this.number]);
        }
        override onError() {
          seen.push(['error', this.number]);
        }
      }
      await start({ providers: [Host, ...around] });
      await deliver('a', 'good', 'bad');
      expect(seen).toEqual([
        ['process', 1],
        ['success', 1],
        ['process', 2],
        ['retry', 2],
        ['process', 3],
        ['error', 3],
      ]);
    },
  );

  it('request: an instance for each batch', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    @UsePipes({ transform: (n: number) => n * 10 })
    @Worker({ topic: 'a', batchSize: 2, batchTimeoutMs: 1_000 })
    class Batches extends WorkerHost<number> {
      private readonly number = ++made;
      constructor(@Inject(REQUEST) private readonly request: RequestContext<readonly number[]>) {
        super();
      }
      override async process() {}
      override async processBatch(messages: readonly number[]) {
        seen.push([this.number, messages, this.request.data]);
      }
    }
    await start({ providers: [Batches] });
    for (const n of [1, 2, 3, 4]) await messaging.deliver('a', n, { partition: 0 });
    await messaging.advance(1_000);
    expect(seen).toEqual([
      [1, [10, 20], [1, 2]],
      [2, [30, 40], [3, 4]],
    ]);
  });

  it('request: controllers, and handlers whose guard is made for each message', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Guard implements CanActivate {
      private readonly number = ++made;
      constructor(@Inject(REQUEST) private readonly request: RequestContext) {}
      canActivate(context: ExecutionContext) {
        seen.push(['guard', this.number, this.request.getContext() === context.switchToRpc().getContext()]);
        return true;
      }
    }
    @Controller()
    class Handler {
      @UseGuards(Guard)
      @Consumer({ topic: 'a' })
      async onA(message: string) {
        seen.push(message);
      }
    }
    await start({ controllers: [Handler], providers: [Guard] });
    await deliver('a', 'first', 'second');
    expect(seen).toEqual([['guard', 1, true], 'first', ['guard', 2, true], 'second']);
  });

  it('request: an app-wide guard that is made for each message does guard', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Guard implements CanActivate {
      constructor(@Inject(REQUEST) private readonly request: RequestContext<string>) {}
      canActivate() {
        return this.request.getData() === 'let in';
      }
    }
    @Injectable()
    class Handler {
      @Consumer({ topic: 'a' })
      async onA(message: string) {
        seen.push(message);
      }
    }
    @Worker({ topic: 'b', dlqTopic: 'a-dlq' })
    class Host extends WorkerHost {
      override async process(message: string) {
        seen.push(message);
      }
    }
    await start({ providers: [Handler, Host, { provide: APP_GUARD, useClass: Guard }] });
    await deliver('a', 'keep out', 'let in');
    await deliver('b', 'keep out', 'let in');
    expect(seen).toEqual(['let in', 'let in']);
    expect(messaging.sent('a-dlq')).toHaveLength(2);
  });

  it('request: a class that cannot be made is an error of the message, with the retry policy', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Handler {
      constructor() {
        seen.push('made');
        throw new Error('no connection');
      }
      @Consumer({ topic: 'a', maxRetries: 1, retryBackoff: 'fixed', initialDelayMs: 0 })
      async onA() {
        return skip('never');
      }
    }
    await start({ providers: [Handler] });
    await deliver('a', 1);
    expect(seen).toEqual(['made', 'made']);
    expect(messaging.sent('a-dlq').map(({ headers }) => headers.get('x-error-message'))).toEqual(['no connection']);
  });

  it('request: a class that cannot be made is an error of each message of a batch', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Handler {
      constructor() {
        throw new Error('no connection');
      }
      @Consumer({ topic: 'a', batchSize: 2, batchTimeoutMs: 1_000, maxRetries: 0 })
      async onA() {
        return skip('never');
      }
    }
    await start({ providers: [Handler] });
    await deliver('a', 1, 2);
    const errors = messaging.sent('a-dlq').map(({ headers }) => headers.get('x-error-message'));
    expect(errors).toEqual(['no connection', 'no connection']);
  });

  it('durable: an instance for each tenant, with the payload of the tenant in REQUEST', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Handler {
      private readonly number = ++made;
      constructor(@Inject(REQUEST) private readonly tenant: { readonly tenant: string }) {}

      @Consumer({ topic: 'a' })
      async onA(message: string) {
        seen.push([message, { ...this.tenant }, this.number]);
      }
    }
    const trees = new Map<string, ReturnType<typeof ContextIdFactory.create>>();
    ContextIdFactory.apply({
      attach(contextId, request: RequestContext<string>) {
        const tenant = request.getData();
        const tree = trees.get(tenant) ?? ContextIdFactory.create();
        trees.set(tenant, tree);
        return { resolve: ({ isTreeDurable }) => (isTreeDurable ? tree : contextId), payload: { tenant } };
      },
    });
    try {
      await start({ providers: [Handler] });
      await deliver('a', 'x', 'y', 'x');
    } finally {
      ContextIdFactory.apply(undefined as never);
    }
    expect(seen).toEqual([
      ['x', { tenant: 'x' }, 1],
      ['y', { tenant: 'y' }, 2],
      ['x', { tenant: 'x' }, 1],
    ]);
  });

  it('transient: one instance, made as for any other consumer', async () => {
    let made = 0;
    @Injectable({ scope: Scope.TRANSIENT })
    class Handler {
      private readonly number = ++made;

      @Consumer({ topic: 'a' })
      async onA(message: string) {
        seen.push([message, this.number]);
      }

      @UseGuards({ canActivate: () => true })
      @Consumer({ topic: 'b' })
      async onB(message: string) {
        seen.push([message, this.number > 0]);
      }
    }
    await start({ providers: [Handler] });
    await deliver('a', 'first', 'second');
    await deliver('b', 'third');
    expect(seen).toEqual([
      ['first', 1],
      ['second', 1],
      ['third', true],
    ]);
  });
});
