import { AsyncLocalStorage } from 'node:async_hooks';
import { HttpException, Injectable } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RpcException } from '@nestjs/microservices';
import { of } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  BatchContext,
  BatchError,
  Consumer,
  deadLetter,
  MessageContext,
  outputs,
  Producer,
  retry,
  skip,
  Worker,
  WorkerHost,
} from '../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../lib/testing/index.js';
import { type AppSpec, passingInterceptor, testModule } from '../support/test-app.js';

/** The same promises, whether a handler is called directly or with something of Nest around it. */
describe.each([
  ['called directly', []],
  ['called behind a guard', [{ provide: APP_GUARD, useValue: { canActivate: () => true } }]],
  ['called through Nest', [passingInterceptor]],
])('a handler %s', (way, enhancers) => {
  let messaging: TestMessaging;
  const start = async ({ providers = [], ...spec }: AppSpec) => {
    messaging = await createTestMessaging(testModule({ ...spec, providers: [...providers, ...enhancers] }));
  };
  const letters = (topic: string) =>
    messaging.sent(topic).map(({ message, headers }) => [message, headers.get('x-error-message')]);

  afterEach(() => messaging.close());

  it('has nothing of Nest on its stack only where no interceptor is bound', async () => {
    let stack = '';
    @Injectable()
    class Looking {
      @Consumer({ topic: 'a' })
      async onMessage() {
        stack = new Error('here').stack ?? '';
      }
    }
    Error.stackTraceLimit = 50;
    await start({ providers: [Looking] });
    await messaging.deliver('a', 1);
    await messaging.advance(1_000);
    expect(/@nestjs.core/.test(stack)).toBe(way === 'called through Nest');
  });

  it('gets payload and context, has its own `this`, and what it returns goes to the output topic', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Twice {
      private readonly factor = 2;

      @Worker({ topic: 'numbers', outputTopic: 'doubled' })
      async double(n: number, context: MessageContext) {
        seen.push([n, context.topic, context.key, context instanceof MessageContext]);
        return n * this.factor;
      }
    }
    await start({ providers: [Twice] });
    await messaging.deliver('numbers', 21, { key: 'k' });
    await messaging.advance(1_000);
    expect(seen).toEqual([[21, 'numbers', 'k', true]]);
    expect(messaging.sent('doubled')).toMatchObject([{ message: 42, key: 'k' }]);
  });

  it('keeps to itself what it enters into an AsyncLocalStorage', async () => {
    const store = new AsyncLocalStorage<unknown>();
    store.run('in use', () => {}); // before that no promise has a context of its own
    const seen: unknown[] = [];
    @Injectable()
    class Entering {
      @Consumer({ topic: 'a', concurrency: 2 })
      async onA(message: unknown) {
        seen.push(store.getStore());
        store.enterWith(message);
      }
    }
    await start({ providers: [Entering] });
    for (const message of [1, 2, 3, 4]) await messaging.deliver('a', message, { partition: message % 2 });
    await messaging.advance(1_000);
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('may return a value or an observable instead of a promise', async () => {
    @Injectable()
    class Plain {
      @Worker({ topic: 'a', outputTopic: 'out' })
      onA(n: number) {
        return { a: n };
      }

      @Worker({ topic: 'b', outputTopic: 'out' })
      onB(n: number) {
        return of({ b: n - 1 }, { b: n });
      }

      @Worker({ topic: 'c', outputTopic: 'out' })
      async onC(n: number) {
        return of({ c: n });
      }
    }
    await start({ providers: [Plain] });
    for (const topic of ['a', 'b', 'c']) await messaging.deliver(topic, 1);
    await messaging.advance(1_000);
    const sent = messaging.sent('out').map(({ message }) => JSON.stringify(message));
    expect(sent.toSorted()).toEqual(['{"a":1}', '{"b":1}', '{"c":1}']);
  });

  it('of a class has its hooks called: on retry, when given up, when handled', async () => {
    const seen: unknown[] = [];
    @Worker({ topic: 'tasks', maxRetries: 1, initialDelayMs: 0, retryBackoff: 'fixed' })
    class Hooked extends WorkerHost<string, string> {
      private readonly mark = 'own';
      override async process(message: string) {
        if (message === 'bad') throw new TypeError('no');
        return 'done';
      }
      override onSuccess(message: string, result: string) {
        seen.push(['success', message, result, this.mark]);
      }
      override onError(message: string, error: Error) {
        seen.push(['error', message, error.constructor, this.mark]);
      }
      override onRetry(message: string, error: Error, attempt: number) {
        seen.push(['retry', message, error.message, attempt, this.mark]);
      }
    }
    await start({ providers: [Hooked] });
    await messaging.deliver('tasks', 'good', { key: 'k' });
    await messaging.deliver('tasks', 'bad', { key: 'k' });
    await messaging.advance(1_000);
    expect(seen).toEqual([
      ['success', 'good', 'done', 'own'],
      ['retry', 'bad', 'no', 1, 'own'],
      ['error', 'bad', TypeError, 'own'],
    ]);
  });

  it('decides by an outcome: dead letter, skip, retry, several outputs', async () => {
    const attempts: number[] = [];
    @Injectable()
    class Deciding {
      @Worker({ topic: 'a', outputTopic: 'out', retryBackoff: 'fixed', initialDelayMs: 0 })
      async decide(message: string, { attempt }: MessageContext) {
        if (message === 'dead') return deadLetter('not wanted');
        if (message === 'skip') return skip('seen before');
        if (message === 'many') return outputs([{ message: 1 }, { message: 2, topic: 'other' }]);
        attempts.push(attempt);
        return attempt === 1 ? retry() : undefined;
      }
    }
    await start({ providers: [Deciding] });
    for (const message of ['dead', 'skip', 'many', 'again']) await messaging.deliver('a', message, { key: 'k' });
    await messaging.advance(1_000);
    expect(letters('a-dlq')).toEqual([['dead', 'not wanted']]);
    expect(messaging.sent('out')).toMatchObject([{ message: 1 }]);
    expect(messaging.sent('other')).toMatchObject([{ message: 2 }]);
    expect(attempts).toEqual([1, 2]);
  });

  it('throws what it likes: errors keep their type, final ones are not tried again, plain values are not lost', async () => {
    const calls: string[] = [];
    const thrown: Readonly<Record<string, () => unknown>> = {
      final: () => new HttpException('gone', 410),
      busy: () => new HttpException('busy', 503),
      rpc: () => new RpcException('refused'),
      zod: () => Object.assign(new Error('bad shape'), { issues: [{ path: ['id'], message: 'Required' }] }),
      validator: () => [{ property: 'id', constraints: { isInt: 'id must be an integer' } }],
      plain: () => 'just a text',
      nothing: () => undefined,
    };
    @Injectable()
    class Failing {
      @Consumer({ topic: 'a', maxRetries: 1, initialDelayMs: 0, retryBackoff: 'fixed' })
      async fail(message: string) {
        calls.push(message);
        throw thrown[message]?.();
      }
    }
    await start({ providers: [Failing] });
    for (const message of Object.keys(thrown)) await messaging.deliver('a', message, { key: 'k' });
    await messaging.advance(1_000);
    const count = (message: string) => calls.filter((one) => one === message).length;
    expect(Object.keys(thrown).map((message) => [message, count(message)])).toEqual([
      ['final', 1],
      ['busy', 2],
      ['rpc', 2],
      ['zod', 1],
      ['validator', 1],
      ['plain', 2],
      ['nothing', 2],
    ]);
    const classes = messaging.sent('a-dlq').map(({ headers }) => headers.get('x-error-class'));
    expect(classes).toEqual(['HttpException', 'HttpException', 'RpcException', 'Error', 'Error', 'Error', 'Error']);
    expect(letters('a-dlq').at(-2)).toEqual(['plain', 'a value was thrown: just a text']);
  });

  it('gets a tombstone as null', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Deleting {
      @Consumer({ topic: 'state' })
      async onState(message: unknown, { key }: MessageContext) {
        seen.push([message, key]);
      }
    }
    await start({ providers: [Deleting] });
    await messaging.deliver('state', null, { key: 'gone' });
    await messaging.advance(1_000);
    expect(seen).toEqual([[null, 'gone']]);
  });

  it('gets batches as a class and as a method, and may fail some messages of one', async () => {
    const seen: unknown[] = [];
    @Worker({ topic: 'jobs', batchSize: 3, batchTimeoutMs: 50, maxRetries: 0 })
    class Batches extends WorkerHost<number> {
      override async process() {
        throw new Error('never called');
      }
      override async processBatch(messages: readonly number[], context: BatchContext) {
        seen.push([messages.length, context instanceof BatchContext, context.messages.length]);
        const failed = messages.flatMap((n, index) => (n < 0 ? [index] : []));
        if (failed.length > 0) throw new BatchError(failed);
      }
    }
    @Injectable()
    class OfAMethod {
      @Worker({ topic: 'more', outputTopic: 'sums', batchSize: 2, batchTimeoutMs: 50 })
      async onMore(messages: number[]) {
        return messages.map((n) => n + 1);
      }
    }
    await start({ providers: [Batches, OfAMethod] });
    for (const n of [1, -2, 3]) await messaging.deliver('jobs', n, { partition: 0 });
    for (const n of [1, 2]) await messaging.deliver('more', n, { partition: 0 });
    await messaging.advance(1_000);
    expect(seen[0]).toEqual([3, true, 3]);
    expect(letters('jobs-dlq').map(([message]) => message)).toEqual([-2]);
    expect(messaging.sent('sums').map(({ message }) => message)).toEqual([2, 3]);
  });

  it('acknowledges by itself where it wants to', async () => {
    @Injectable()
    class Manual {
      @Consumer({ topic: 'a', ack: 'manual', retryBackoff: 'fixed', initialDelayMs: 0, maxRetries: 0 })
      async onMessage(message: string, context: MessageContext) {
        if (message === 'good') await context.ack();
        else await Promise.resolve(void context.nack(new Error('bad')));
      }
    }
    await start({ providers: [Manual] });
    await messaging.deliver('a', 'good');
    await messaging.deliver('a', 'bad');
    await messaging.advance(1_000);
    expect(letters('a-dlq')).toEqual([['bad', 'bad']]);
  });

  it('may be inherited, several in a class, and stand above or below @Producer', async () => {
    const seen: string[] = [];
    class Base {
      @Consumer({ topic: 'a' })
      async onA(message: string) {
        seen.push(`${this.constructor.name} a ${message}`);
      }

      @Consumer({ topic: 'b' })
      @Producer({ topic: 'published' })
      async onB(message: string) {
        return { below: message };
      }

      @Producer({ topic: 'published' })
      @Consumer({ topic: 'c' })
      async onC(message: string) {
        return { above: message };
      }
    }
    @Injectable()
    class Derived extends Base {}
    await start({ providers: [Derived] });
    for (const topic of ['a', 'b', 'c']) await messaging.deliver(topic, topic);
    await messaging.advance(1_000);
    expect(seen).toEqual(['Derived a a']);
    const sent = messaging.sent('published').map(({ message }) => JSON.stringify(message));
    expect(sent.toSorted()).toEqual(['{"above":"c"}', '{"below":"b"}']);
  });
});
