import { afterEach, describe, expect, it } from 'vitest';
import { BatchError, Consumer, NonRetryableError, type BatchContext } from '../../../lib/index.js';
import { createTestMessaging } from '../../../lib/testing/index.js';
import { type EngineApp, type Handling, startEngine } from '../../support/engine-app.js';
import { testModule } from '../../support/test-app.js';

describe('batches', () => {
  let app: EngineApp;
  let calls: unknown[][];
  const start = async ({ options, processBatch, ...rest }: Handling, keys = 'abcdef') => {
    calls = [];
    app = await startEngine({
      ...rest,
      options: { batchSize: 3, ...options },
      processBatch: (messages, context) => {
        calls.push([...messages]);
        return processBatch?.(messages, context);
      },
    });
    return async (...messages: readonly unknown[]) => {
      for (const [index, message] of messages.entries())
        await app.messaging.deliver('tasks', message, { key: keys[index] ?? 'z', partition: 0 });
      await app.messaging.idle();
    };
  };
  const fails = (error: Error = new Error('no')) => {
    throw error;
  };

  afterEach(() => app.messaging.close());

  it('are handed over full at once, else when their time has come', async () => {
    const deliver = await start({});
    await deliver(1, 2, 3, 4);
    expect(calls).toEqual([[1, 2, 3]]);
    await app.messaging.advance('1s');
    expect(calls).toEqual([[1, 2, 3], [4]]);
  });

  it('know the context of each message', async () => {
    let context: BatchContext | undefined;
    const deliver = await start({ processBatch: (_messages, own) => void (context = own) });
    await deliver(1, 2, 3);
    expect(context?.topic).toBe('tasks');
    expect(context?.partition).toBe(0);
    expect(context?.signal.aborted).toBe(false);
    expect(context?.messages.map(({ key, offset, attempt }) => [key, offset, attempt])).toEqual([
      ['a', '0', 1],
      ['b', '1', 1],
      ['c', '2', 1],
    ]);
  });

  it('send one output for each result, with the key of its message', async () => {
    const deliver = await start({
      options: { outputTopic: 'out' },
      processBatch: (messages: number[]) => messages.map((n) => (n === 2 ? undefined : n * 10)),
    });
    await deliver(1, 2, 3);
    expect(app.messaging.sent('out')).toMatchObject([
      { message: 10, key: 'a' },
      { message: 30, key: 'c' },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['too few results', [1], 'Expected Tasks to return 3 results, one for each message, got 1 results.'],
    ['no array', 'x', 'Expected Tasks to return 3 results, one for each message, got string.'],
    [
      'nothing where there is an output topic',
      undefined,
      'Expected Tasks to return 3 results, one for each message, got undefined.',
    ],
  ])('have failed as a whole with %s', async (_name, result, text) => {
    const deliver = await start({ options: { outputTopic: 'out', maxRetries: 0 }, processBatch: () => result });
    await deliver(1, 2, 3);
    const texts = app.messaging.deadLetters('tasks').map(({ headers }) => headers.get('x-error-message'));
    expect(texts).toEqual(Array(3).fill(expect.stringContaining(text)));
  });

  it('that throw are repeated message by message', async () => {
    const deliver = await start({ options: { maxRetries: 1 }, processBatch: () => fails() });
    await deliver(1, 2, 3);
    await app.messaging.advance('2s');
    expect(calls).toEqual([[1, 2, 3], [1], [2], [3]]);
    expect(app.messaging.deadLetters('tasks')).toHaveLength(3);
  });

  it('may fail in part: the others are done with', async () => {
    const deliver = await start({
      options: { outputTopic: 'out' },
      processBatch: (messages: number[]) =>
        messages.length > 1 ? fails(new BatchError([1], messages)) : messages.map((n) => n * 100),
    });
    await deliver(1, 2, 3);
    expect(app.messaging.sent('out').map(({ message }) => message)).toEqual([1, 3]);
    await app.messaging.advance('2s');
    expect(calls).toEqual([[1, 2, 3], [2]]);
    expect(app.messaging.sent('out').map(({ message }) => message)).toEqual([1, 3, 200]);
  });

  it('may say what failed each message', async () => {
    const errors = new Map<number, Error>([
      [0, new NonRetryableError('never')],
      [2, new Error('later')],
    ]);
    const deliver = await start({ processBatch: () => fails(new BatchError(errors)) });
    await deliver(1, 2, 3);
    expect(app.messaging.deadLetters('tasks')).toMatchObject([{ message: 1 }]);
    await app.messaging.advance('2s');
    expect(calls).toEqual([[1, 2, 3], [3]]);
  });

  it('hold the later messages of a failed key back, which then run singly, after it', async () => {
    const retried: unknown[] = [];
    let failed = false;
    const deliver = await start(
      {
        processBatch: (messages: number[]) => {
          if (failed || !messages.includes(1)) return;
          failed = true;
          fails(new BatchError([0]));
        },
        hooks: { onRetry: (message, _error, attempt) => void retried.push([message, attempt]) },
      },
      'aba',
    );
    await deliver(1, 2, 3);
    await app.messaging.advance('3s');
    expect(calls).toEqual([[1, 2, 3], [1], [3]]);
    expect(retried).toEqual([[1, 1]]);
  });

  it('leave out what cannot be read, which is dead-lettered by itself', async () => {
    const deliver = await start({});
    await app.messaging.deliver('tasks', Buffer.from('{oops'), { raw: true, key: 'x', partition: 0 });
    await deliver(2, 3);
    expect(calls).toEqual([[2, 3]]);
    expect(app.messaging.deadLetters('tasks')).toHaveLength(1);
  });

  it('tell their hooks of each message', async () => {
    const told: unknown[] = [];
    const deliver = await start({
      processBatch: (messages: number[]) => messages.map((n) => n * 2),
      hooks: { onSuccess: (message, result) => void told.push([message, result]) },
    });
    await deliver(1, 2, 3);
    expect(told).toEqual([
      [1, 2],
      [2, 4],
      [3, 6],
    ]);
  });

  it('that have not begun are given back at a rebalance, and come again', async () => {
    const deliver = await start({});
    await deliver(1, 2);
    await app.messaging.rebalance();
    expect(calls).toEqual([]);
    await app.messaging.advance('1s');
    expect(calls).toEqual([[1, 2]]);
  });

  it('are arrays for a method', async () => {
    const seen: unknown[] = [];
    class Audit {
      @Consumer({ topic: 'tasks', batchSize: 2 })
      async onTasks(messages: unknown[]) {
        seen.push(messages);
      }
    }
    const messaging = await createTestMessaging(testModule({ providers: [Audit] }));
    app = { messaging, log: app.log };
    for (const n of [1, 2]) await messaging.deliver('tasks', n, { partition: 0 });
    await messaging.idle();
    expect(seen).toEqual([[1, 2]]);
  });
});
