import { ConflictException, HttpException, NotFoundException, UnprocessableEntityException } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { NonRetryableError, retry, RetryAfterError, type RetryPolicy, type WorkerOptions } from '../../../lib/index.js';
import type { Duration, TestMessaging } from '../../../lib/testing/index.js';
import { type EngineApp, startEngine } from '../../support/engine-app.js';

describe('a message whose handler fails', () => {
  let app: EngineApp;
  let messaging: TestMessaging;
  /** Milliseconds from the first attempt to each. */
  let attempts: number[];

  /** Fails every attempt with what `error` makes, and delivers one message. */
  const fail = async (options: Partial<WorkerOptions>, error: () => unknown = () => new Error('no')) => {
    attempts = [];
    let first: number | undefined;
    app = await startEngine({
      options,
      process: () => {
        first ??= now();
        attempts.push(now() - first);
        throw error();
      },
    });
    ({ messaging } = app);
    await messaging.deliver('tasks', 1, { key: 'k' });
    await messaging.idle();
  };
  let now = () => 0;
  const failing = async (options: Partial<WorkerOptions>, during: Duration, error?: () => unknown) => {
    let time = 0;
    now = () => time;
    await fail(options, error);
    const step = 250;
    const end = typeof during === 'number' ? during : 0;
    for (; time < end;) {
      time += step;
      await messaging.advance(step);
    }
    return attempts;
  };

  afterEach(() => messaging.close());

  it.each<[string, RetryPolicy, number[]]>([
    ['the default', {}, [0, 2_000, 6_000, 14_000]],
    ['fixed', { retryBackoff: 'fixed', initialDelayMs: 500, maxRetries: 2 }, [0, 500, 1_000]],
    ['linear', { retryBackoff: 'linear', initialDelayMs: 500, maxRetries: 3 }, [0, 500, 1_500, 3_000]],
    ['exponential', { retryBackoff: 'exponential', initialDelayMs: 500, maxRetries: 3 }, [0, 1_000, 3_000, 7_000]],
    ['a cap', { initialDelayMs: 1_000, maxDelayMs: 2_500, maxRetries: 3 }, [0, 2_000, 4_500, 7_000]],
    ['no retries', { maxRetries: 0 }, [0]],
  ])('is tried again at the times of its policy: %s', async (_name, policy, times) => {
    expect(await failing({ retry: policy }, 20_000)).toEqual(times);
    expect(messaging.deadLetters('tasks')).toHaveLength(1);
  });

  it('takes the policy flat as well', async () => {
    const flat = { retryBackoff: 'fixed', initialDelayMs: 250, maxRetries: 1 } as const;
    expect(await failing(flat, 1_000)).toEqual([0, 250]);
  });

  it('is tried again for ever with maxRetries: Infinity', async () => {
    const endless = { retryBackoff: 'fixed', initialDelayMs: 1_000, maxRetries: Infinity } as const;
    expect(await failing(endless, 60_000)).toHaveLength(61);
    expect(messaging.deadLetters('tasks')).toEqual([]);
  });

  it('waits a random part less with jitter', async () => {
    const times = await failing({ retryBackoff: 'fixed', initialDelayMs: 10_000, maxRetries: 20, jitter: 1 }, 220_000);
    const delays = times.slice(1).map((time, index) => time - (times[index] as number));
    expect(delays).toHaveLength(20);
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_250);
    expect(new Set(delays).size).toBeGreaterThan(5);
  });

  it.each<[string, () => unknown]>([
    ['NonRetryableError', () => new NonRetryableError('never')],
    ['an HttpException 422', () => new UnprocessableEntityException()],
    ['an HttpException 403', () => new HttpException('no', 403)],
    ['a class in nonRetryable', () => new TypeError('wrong')],
  ])('is given up at once after %s', async (_name, error) => {
    expect(await failing({ nonRetryable: [TypeError] }, 5_000, error)).toEqual([0]);
    expect(messaging.deadLetters('tasks')[0]?.headers.get('x-reason')).toBe('non-retryable');
  });

  it.each<[string, () => unknown]>([
    ['an HttpException 404', () => new NotFoundException()],
    ['an HttpException 409', () => new ConflictException()],
    ['an HttpException 503', () => new HttpException('later', 503)],
    ['a plain value', () => 'just a text'],
    ['the failed call of another service', () => Object.assign(new Error('bad request'), { status: 400 })],
  ])('is tried again after %s', async (_name, error) => {
    expect(await failing({ maxRetries: 1, initialDelayMs: 250 }, 1_000, error)).toEqual([0, 500]);
  });

  it('follows retryIf above all else, and the rules when it throws', async () => {
    const odd = (error: Error) => error instanceof NonRetryableError;
    const options = { retryIf: odd, maxRetries: 1, initialDelayMs: 250 };
    expect(await failing(options, 1_000, () => new NonRetryableError('x'))).toEqual([0, 500]);
    await messaging.close();
    expect(await failing(options, 1_000)).toEqual([0]);
    await messaging.close();
    const broken = () => {
      throw new Error('broken');
    };
    expect(await failing({ ...options, retryIf: broken }, 1_000)).toEqual([0, 500]);
    expect(app.log.texts('error').join()).toContain('retryIf threw, the default applies: broken');
  });

  it.each<[string, () => unknown, number[]]>([
    ['RetryAfterError', () => new RetryAfterError(3_000), [0, 3_000]],
    ['Retry-After in seconds', () => axiosError(429, { 'retry-after': '3' }), [0, 3_000]],
    ['Retry-After in Headers', () => fetchError(503, new Headers({ 'Retry-After': '3' })), [0, 3_000]],
    ['no Retry-After', () => axiosError(429, {}), [0, 500]],
    ['a Retry-After that is none', () => axiosError(429, { 'retry-after': 'soon' }), [0, 500]],
    ['a Retry-After of another status', () => axiosError(500, { 'retry-after': '3' }), [0, 500]],
  ])('waits as long as the error asks: %s', async (_name, error, times) => {
    expect(await failing({ maxRetries: 1, initialDelayMs: 250 }, 5_000, error)).toEqual(times);
  });

  it('waits until the date of a Retry-After, and an hour at most', async () => {
    const day = () => axiosError(503, { 'retry-after': new Date(Date.now() + 86_400_000).toUTCString() });
    await failing({ maxRetries: 1 }, 250, day);
    await messaging.advance('59m');
    expect(attempts).toHaveLength(1);
    await messaging.advance('1m');
    expect(attempts).toHaveLength(2);
  });

  it('may ask for another attempt without throwing', async () => {
    const seen: number[] = [];
    app = await startEngine({
      options: { maxRetries: 2 },
      process: (_message, { attempt }) => {
        seen.push(attempt);
        return attempt === 1 ? retry({ afterMs: 50 }) : retry();
      },
    });
    ({ messaging } = app);
    await messaging.deliver('tasks', 1);
    await messaging.advance(50);
    expect(seen).toEqual([1, 2]);
    await messaging.advance('4s');
    expect(seen).toEqual([1, 2, 3]);
    expect(messaging.deadLetters('tasks')[0]?.headers.get('x-reason')).toBe('retries-exhausted');
  });

  it('waits an hour at most where it asks for another attempt, and whatever retryIf says of errors', async () => {
    let calls = 0;
    app = await startEngine({
      options: { maxRetries: 1, retryIf: () => false },
      process: () => (calls++ === 0 ? retry({ afterMs: 86_400_000 }) : undefined),
    });
    ({ messaging } = app);
    await messaging.deliver('tasks', 1);
    await messaging.advance(3_599_999);
    expect(calls).toBe(1);
    await messaging.advance(1);
    expect(calls).toBe(2);
    expect(messaging.deadLetters('tasks')).toEqual([]);
  });

  it('holds up its key, and neither other keys nor a slot', async () => {
    const seen: string[] = [];
    app = await startEngine({
      process: (message: string, { attempt }) => {
        seen.push(`${message}/${attempt}`);
        if (message === 'a1' && attempt === 1) throw new Error('not yet');
      },
    });
    ({ messaging } = app);
    for (const message of ['a1', 'a2', 'b1'])
      await messaging.deliver('tasks', message, { key: message.slice(0, 1), partition: 0 });
    await messaging.idle();
    expect(seen).toEqual(['a1/1', 'b1/1']);
    await messaging.advance('2s');
    expect(seen).toEqual(['a1/1', 'b1/1', 'a1/2', 'a2/1']);
  });

  it('logs each attempt that another follows, and that it is given up', async () => {
    await failing({ maxRetries: 1, initialDelayMs: 250 }, 1_000);
    expect(app.log.texts('warn')).toContainEqual(
      expect.stringMatching(/^Tasks: tasks\/\d offset 0, attempt 1, failed, the next attempt is in 500 ms: no$/),
    );
    expect(app.log.texts('error')).toContainEqual(
      expect.stringMatching(/^Tasks: tasks\/\d offset 0, attempt 2, is given up \(retries-exhausted\): no$/),
    );
  });

  it('begins at attempt 1 again when it is delivered again', async () => {
    await failing({ maxRetries: 5, retryBackoff: 'fixed', initialDelayMs: 1_000 }, 1_000);
    expect(attempts).toHaveLength(2);
    await messaging.rebalance();
    expect(attempts).toHaveLength(3);
    expect(app.log.texts('warn').at(-1)).toContain('attempt 1, failed');
  });
});

function axiosError(status: number, headers: object): Error {
  return Object.assign(new Error(`status ${status}`), { response: { status, headers } });
}

function fetchError(status: number, headers: Headers): Error {
  return Object.assign(new Error(`status ${status}`), { status, headers });
}
