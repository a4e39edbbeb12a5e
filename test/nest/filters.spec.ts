import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Injectable,
  UseFilters,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { BaseRpcExceptionFilter, RpcException } from '@nestjs/microservices';
import { of, throwError } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Consumer,
  deadLetter,
  type MessageContext,
  NonRetryableError,
  outputs,
  retry,
  skip,
  Worker,
  WorkerHost,
} from '../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../lib/testing/index.js';
import { type AppSpec, LogRecorder, passingInterceptor, testModule } from '../support/test-app.js';

const policy = { maxRetries: 1, retryBackoff: 'fixed', initialDelayMs: 0 } as const;

class OwnError extends Error {}

/** The same, whether Nest makes the whole call or, without interceptors, we take its steps. */
describe.each([
  ['exception filters', []],
  ['exception filters beside an interceptor', [passingInterceptor]],
])('%s', (_, more) => {
  let messaging: TestMessaging;
  let log: LogRecorder;
  const seen: unknown[] = [];
  const start = async ({ providers = [], ...spec }: AppSpec) => {
    log = new LogRecorder();
    messaging = await createTestMessaging(testModule({ ...spec, providers: [...providers, ...more] }).setLogger(log));
  };
  const letters = () =>
    messaging.sent('a-dlq').map(({ headers }) => [headers.get('x-error-class'), headers.get('x-error-message')]);
  /** A handler that throws, with a filter that returns what the test wants. */
  const failWith = async (filter: ExceptionFilter, thrown: () => unknown = () => new OwnError('own')) => {
    @Injectable()
    class Failing {
      @UseFilters(filter)
      @Worker({ topic: 'a', outputTopic: 'out', ...policy })
      async fail(_message: unknown, { attempt }: MessageContext) {
        seen.push(attempt);
        throw thrown();
      }
    }
    await start({ providers: [Failing] });
    await messaging.deliver('a', { id: 1 }, { key: 'k', partition: 0 });
    await messaging.advance(1_000);
  };

  afterEach(async () => {
    seen.length = 0;
    await messaging.close();
  });

  it('see the error as it was thrown, with the message and its context', async () => {
    await failWith({
      catch(error: unknown, host: ArgumentsHost) {
        const rpc = host.switchToRpc();
        seen.push([error instanceof OwnError, host.getType(), rpc.getData(), rpc.getContext<MessageContext>().key]);
      },
    });
    expect(seen).toEqual([1, [true, 'rpc', { id: 1 }, 'k'], 2, [true, 'rpc', { id: 1 }, 'k']]);
    expect(letters()).toEqual([['OwnError', 'own']]);
  });

  it('find the message and its context wherever they look, as with Nest', async () => {
    await failWith({
      catch(_error: unknown, host: ArgumentsHost) {
        const [http, ws] = [host.switchToHttp(), host.switchToWs()];
        const { key } = http.getResponse<MessageContext>();
        seen.push([http.getRequest(), key, ws.getClient(), host.getArgByIndex(0), host.getArgs()[0]]);
        return skip('seen');
      },
    });
    const message = { id: 1 };
    expect(seen).toEqual([1, [message, 'k', message, message, message]]);
  });

  it.each([
    ['skip', () => skip('known'), [], []],
    ['a promise of skip', async () => skip('known'), [], []],
    ['an observable of skip', () => of(skip('known')), [], []],
    ['dead letter', () => deadLetter('hopeless'), [['Error', 'hopeless']], []],
    ['outputs', () => outputs([{ message: 'instead' }]), [], ['instead']],
  ])('turn an error into an outcome: %s', async (_name, outcome, dead, sent) => {
    await failWith({ catch: outcome });
    expect(seen).toEqual([1]);
    expect(letters()).toEqual(dead);
    expect(messaging.sent('out').map(({ message }) => message)).toEqual(sent);
  });

  it('ask for another attempt, which counts', async () => {
    await failWith({ catch: () => retry({ afterMs: 0 }) });
    expect(seen).toEqual([1, 2]);
    expect(letters()).toEqual([['Error', 'the handler asked for another attempt']]);
  });

  it.each([
    ['nothing', () => undefined],
    ['null', () => null],
    ['an object', () => ({ status: 'error', message: 'Internal server error' })],
    ['an observable', () => of('handled?')],
    ['an observable that fails', () => throwError(() => ({ status: 'error' }))],
  ])('that return %s leave the error as it is', async (_name, returned) => {
    await failWith({ catch: returned });
    expect(seen).toEqual([1, 2]);
    expect(letters()).toEqual([['OwnError', 'own']]);
    expect(messaging.sent('out')).toEqual([]);
  });

  it("of Nest's microservices leave the error as it is", async () => {
    await failWith(new BaseRpcExceptionFilter(), () => new RpcException('refused'));
    expect(letters()).toEqual([['RpcException', 'refused']]);
  });

  it('that throw replace the error: of the message, not of the process', async () => {
    await failWith({
      catch() {
        throw new NonRetryableError('translated');
      },
    });
    expect(seen).toEqual([1]);
    expect(letters()).toEqual([['NonRetryableError', 'translated']]);
  });

  it('bound to the method come before those of the class and the app, each for its own errors', async () => {
    @Catch(OwnError)
    class OwnFilter implements ExceptionFilter {
      catch() {
        seen.push('own');
        return skip('own');
      }
    }
    @Catch(HttpException)
    class HttpFilter implements ExceptionFilter {
      catch(error: HttpException) {
        seen.push(`http ${error.getStatus()}`);
        return skip('http');
      }
    }
    @Catch()
    class AppFilter implements ExceptionFilter {
      catch(error: unknown) {
        seen.push(`app ${String(error)}`);
        return skip('app');
      }
    }
    @UseFilters(HttpFilter)
    @Injectable()
    class Failing {
      @UseFilters(OwnFilter)
      @UsePipes(new ValidationPipe())
      @Consumer({ topic: 'a', ...policy })
      async fail(message: string) {
        if (message === 'own') throw new OwnError();
        if (message === 'http') throw new HttpException('teapot', 418);
        // oxlint-disable-next-line typescript/only-throw-error
        throw 'a text';
      }
    }
    await start({ providers: [Failing, { provide: APP_FILTER, useClass: AppFilter }] });
    for (const message of ['own', 'http', 'other']) await messaging.deliver('a', message, { key: 'k' });
    await messaging.advance(1_000);
    expect(seen).toEqual(['own', 'http 418', 'app a text']);
    expect(letters()).toEqual([]);
  });

  it('serve a handler that acknowledges by itself, and the single messages of a batch', async () => {
    const filter = { catch: () => deadLetter('filtered') };
    @Injectable()
    class Manual {
      @UseFilters(filter)
      @Consumer({ topic: 'a', ack: 'manual', ...policy })
      async fail() {
        throw new OwnError();
      }
    }
    @UseFilters(filter)
    @UsePipes({
      transform(n: number) {
        if (n < 0) throw new OwnError();
        return n;
      },
    })
    @Worker({ topic: 'b', dlqTopic: 'a-dlq', batchSize: 2, batchTimeoutMs: 50, ...policy })
    class Batches extends WorkerHost<number> {
      override async process() {}
      override async processBatch(messages: readonly number[]) {
        seen.push(...messages);
      }
    }
    await start({ providers: [Manual, Batches] });
    await messaging.deliver('a', 1);
    await messaging.advance(1_000);
    for (const n of [-1, 1]) await messaging.deliver('b', n, { partition: 0 });
    await messaging.advance(1_000);
    expect(letters()).toEqual([
      ['Error', 'filtered'],
      ['Error', 'filtered'],
    ]);
    expect(seen).toEqual([1]);
  });

  it('and all else that Nest adds log nothing of their own: one line an attempt', async () => {
    await failWith({ catch: () => undefined });
    expect(log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toMatchObject([
      { level: 'warn', text: 'Failing.fail: a/0 offset 0, attempt 1, failed, the next attempt is in 0 ms: own' },
      { level: 'error', text: 'Failing.fail: a/0 offset 0, attempt 2, is given up (retries-exhausted): own' },
    ]);
  });
});
