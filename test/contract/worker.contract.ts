import assert from 'node:assert/strict';
import { Injectable, type INestMicroservice, type Provider } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BatchContext,
  BatchError,
  Consumer,
  type ConsumerOptions,
  deadLetter,
  type MessageContext,
  type MessagingOptions,
  NonRetryableError,
  outputs,
  ProducerService,
  skip,
  type WorkerHost,
  type WorkerOptions,
  WorkerService,
} from '../../lib/index.js';
import type { Features } from '../../lib/driver/driver.js';
import { deferred } from '../support/deferred.js';
import { workerOf, type Handling } from '../support/engine-app.js';
import { eventually } from '../support/eventually.js';
import { startApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';

export interface WorkerSubject {
  readonly name: string;
  readonly features: Features;
  /** Options whose default connection is the live broker; the apps of one test share it. */
  options(): MessagingOptions;
}

interface Seen {
  readonly message: unknown;
  readonly key: string | undefined;
  readonly header: (name: string) => string | undefined;
}

/** What handlers get from every broker: retries, dead letters, outputs, batches, acknowledgements. */
export function workerContract({ name, features, options }: WorkerSubject): void {
  describe(`workers on ${name}`, () => {
    const apps: INestMicroservice[] = [];
    let shared: MessagingOptions;
    let topic: string;
    let groupId: string;

    const open = async (...providers: Provider[]): Promise<INestMicroservice> => {
      const { app } = await startApp({ options: { ...shared, groupId }, providers });
      apps.push(app);
      return app;
    };
    const worker = (own: Partial<WorkerOptions>, handling: Omit<Handling, 'options'>): new () => WorkerHost =>
      workerOf({ options: { topic, initialDelayMs: 25, ...own }, ...handling });
    const send = (app: INestMicroservice, message: unknown, more: object = {}) =>
      app.get(ProducerService).send({ topic, message, ...more });
    /** What is written to another topic, read by a group of its own. */
    const reader = (from: string): { readonly seen: Seen[]; readonly provider: Provider } => {
      const seen: Seen[] = [];
      @Injectable()
      class Reader {
        @Consumer({ topic: from, groupId: unique('reader'), name: unique('Reader') })
        async onMessage(message: unknown, { key, headers }: MessageContext) {
          seen.push({ message, key, header: (own) => headers.get(own) });
        }
      }
      return { seen, provider: Reader };
    };

    beforeEach(() => {
      shared = options();
      topic = unique('tasks');
      groupId = unique('group');
    });

    afterEach(async () => {
      await Promise.all(apps.splice(0).map((app) => app.close()));
    });

    it('tries a failed message again before what follows it in its key, and others meanwhile', async () => {
      const seen: string[] = [];
      const app = await open(
        worker(
          { initialDelayMs: 400 },
          {
            process: (message: string, { attempt }) => {
              seen.push(`${message}/${attempt}`);
              if (message === 'a1' && attempt < 2) throw new Error('not yet');
            },
          },
        ),
      );
      for (const message of ['a1', 'a2', 'b1']) await send(app, message, { key: message.slice(0, 1) });
      await eventually(() => expect(seen).toHaveLength(4));
      expect(seen.indexOf('b1/1')).toBeLessThan(seen.indexOf('a1/2'));
      expect(seen.filter((one) => one.startsWith('a'))).toEqual(['a1/1', 'a1/2', 'a2/1']);
    });

    it('gives a message up after its retries: as it came, with where from and why', async () => {
      const letters = reader(`${topic}-dlq`);
      const app = await open(
        worker(
          { maxRetries: 2 },
          {
            process: () => {
              throw new TypeError('broken');
            },
          },
        ),
        letters.provider,
      );
      const { partition, offset } = await send(app, { id: 1 }, { key: 'k', headers: { own: 'kept' } });
      await eventually(() => expect(letters.seen).toHaveLength(1));
      const [letter] = letters.seen as [Seen];
      expect(letter).toMatchObject({ message: { id: 1 }, key: 'k' });
      const headers = ['own', 'x-original-topic', 'x-original-partition', 'x-original-offset', 'x-original-group'];
      expect(headers.map(letter.header)).toEqual(['kept', topic, String(partition), offset, groupId]);
      const why = ['x-reason', 'x-error-class', 'x-error-message', 'x-attempts'];
      expect(why.map(letter.header)).toEqual(['retries-exhausted', 'TypeError', 'broken', '3']);
    });

    it('gives up at once what no attempt can mend, and bytes that cannot be read', async () => {
      const letters = reader(`${topic}-dlq`);
      const calls: unknown[] = [];
      const app = await open(
        worker(
          {},
          {
            process: (message) => {
              calls.push(message);
              if (message === 'refuse') throw new NonRetryableError('never');
              if (message === 'letter') return deadLetter('nobody wants it');
              return skip('fine');
            },
          },
        ),
        letters.provider,
      );
      for (const message of ['refuse', 'letter', 'fine']) await send(app, message, { key: 'k' });
      await send(app, Buffer.from('{oops'), { key: 'k', raw: true });
      await send(app, 'after', { key: 'k' });
      await eventually(() => expect(calls).toEqual(['refuse', 'letter', 'fine', 'after']));
      await eventually(() =>
        expect(letters.seen.map(({ header }) => header('x-reason'))).toEqual(['non-retryable', 'nobody wants it']),
      );
    });

    it('writes outputs, with the key of the input, to the topics that the handler says', async () => {
      const [results, others] = [unique('results'), unique('others')];
      const [first, second] = [reader(results), reader(others)];
      const app = await open(
        worker(
          { outputTopic: results },
          {
            process: (n: number) =>
              n === 0
                ? undefined
                : n === 1
                  ? { n }
                  : outputs([{ message: 'r' }, { topic: others, message: 'o', key: 'own' }]),
          },
        ),
        first.provider,
        second.provider,
      );
      for (const n of [0, 1, 2]) await send(app, n, { key: 'k' });
      await eventually(() =>
        expect(first.seen.map(({ message, key }) => [message, key])).toEqual([
          [{ n: 1 }, 'k'],
          ['r', 'k'],
        ]),
      );
      await eventually(() => expect(second.seen.map(({ message, key }) => [message, key])).toEqual([['o', 'own']]));
    });

    it.each([1, 16])(
      'keeps the order of a key at concurrency %i, and never runs two of a key at once',
      async (concurrency) => {
        const running = new Set<string>();
        const order = new Map<string, number[]>();
        const clashes: string[] = [];
        const app = await open(
          worker(
            { concurrency },
            {
              process: async (n: number, { key = '' }) => {
                if (running.has(key)) clashes.push(key);
                running.add(key);
                await new Promise((resolve) => setTimeout(resolve, n % 3));
                running.delete(key);
                order.set(key, [...(order.get(key) ?? []), n]);
              },
            },
          ),
        );
        const sending = Array.from({ length: 300 }, (_, n) => send(app, n, { key: `key-${n % 10}` }));
        await Promise.all(sending);
        await eventually(() => expect([...order.values()].flat()).toHaveLength(300));
        expect(clashes).toEqual([]);
        for (const [key, list] of order)
          expect(list).toEqual(Array.from({ length: 30 }, (_, n) => n * 10 + Number(key.slice(4))));
      },
    );

    it('keeps a message back for its delay, or refuses to where the broker cannot', async () => {
      const seen: string[] = [];
      const app = await open(worker({}, { process: (message: string) => void seen.push(message) }));
      const late = send(app, 'late', { key: 'k', delayMs: 300 });
      const refusal = late.then(
        () => undefined,
        (error: Error) => error,
      );
      await send(app, 'soon', { key: 'k' });
      await eventually(() => expect(seen).toEqual(features.delayed ? ['soon', 'late'] : ['soon']));
      const expected = `Connection \`${String(shared.broker)}\` cannot keep a message back, but \`delayMs\` is set. Leave it out.`;
      expect((await refusal)?.message).toBe(features.delayed ? undefined : expected);
    });

    it('writes one message of an idempotency key, or refuses to where the broker cannot', async () => {
      const seen: string[] = [];
      const app = await open(worker({}, { process: (message: string) => void seen.push(message) }));
      const refusals: (string | undefined)[] = [];
      for (const message of ['a', 'b'])
        await send(app, message, { key: 'k', idempotencyKey: 'order-1' }).then(
          () => refusals.push(undefined),
          (error: Error) => refusals.push(error.message),
        );
      await send(app, 'end', { key: 'k' });
      await eventually(() => expect(seen).toEqual(features.idempotencyKey ? ['a', 'end'] : ['end']));
      const expected = `Connection \`${String(shared.broker)}\` knows no repeated messages, but \`idempotencyKey\` is set. Leave it out.`;
      expect(refusals).toEqual(features.idempotencyKey ? [undefined, undefined] : [expected, expected]);
    });

    it('handles ten thousand keys', async () => {
      const seen = new Set<string>();
      const app = await open(worker({ concurrency: 64 }, { process: (_n, { key = '' }) => void seen.add(key) }));
      const messages = Array.from({ length: 10_000 }, (_, n) => n);
      for (let from = 0; from < messages.length; from += 2_500)
        await app
          .get(ProducerService)
          .sendBatch({ topic, key: (n) => `key-${n}`, messages: messages.slice(from, from + 2_500) });
      await eventually(() => expect(seen.size).toBe(10_000), 30_000);
    });

    it('holds no more messages in memory than it is told, however slow its handler is', async () => {
      const [maxInFlight, maxPollRecords, count] = [20, 10, 2_000];
      const { broker = 'kafka' } = shared;
      shared = { ...shared, [broker]: { ...shared[broker as 'redis'], maxPollRecords } };
      let most = 0;
      const results = unique('results');
      const handler = worker(
        { name: 'Slow', concurrency: 1, maxInFlight, outputTopic: results },
        {
          process: async (n: number) => {
            await new Promise((resolve) => (n < 100 ? setTimeout(resolve, 5) : setImmediate(resolve)));
            const { running, queued } = app.get(WorkerService).stats('Slow');
            most = Math.max(most, running + queued);
            return n;
          },
        },
      );
      const app: INestMicroservice = await open(handler);
      const out = reader(results);
      await open(out.provider);
      const messages = Array.from({ length: count }, (_, n) => n);
      await app.get(ProducerService).sendBatch({ topic, key: 'k', messages });
      await eventually(() => expect(out.seen.map(({ message }) => message)).toEqual(messages), 30_000);
      expect(most).toBeGreaterThan(maxInFlight / 2);
      expect(most).toBeLessThanOrEqual(maxInFlight + maxPollRecords); // one more handover is taken in
    });

    it('runs in two apps of one process, each with its own group', async () => {
      const seen: string[] = [];
      const first = await open(worker({}, { process: (n: number) => void seen.push(`first ${n}`) }));
      groupId = unique('group');
      await open(worker({}, { process: (n: number) => void seen.push(`second ${n}`) }));
      await send(first, 1, { key: 'k' });
      await eventually(() => expect(seen.toSorted()).toEqual(['first 1', 'second 1']));
    });

    it('hands over batches in order, and repeats of a batch only what failed', async () => {
      const batches: number[][] = [];
      const app = await open(
        worker(
          { batchSize: 5, batchTimeoutMs: 200, ordering: 'partition' },
          {
            processBatch: (messages: number[], context: BatchContext) => {
              expect(context.messages).toHaveLength(messages.length);
              batches.push(messages);
              const isFirst = messages.includes(3) && messages.length > 1;
              if (isFirst) throw new BatchError([messages.indexOf(3)]);
            },
          },
        ),
      );
      await app.get(ProducerService).sendBatch({ topic, key: 'k', messages: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
      await eventually(() => expect(new Set(batches.flat()).size).toBe(10));
      await eventually(() => expect(batches).toContainEqual([3]));
      expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(5);
      expect(batches.flat().filter((n) => n < 3)).toEqual([0, 1, 2]);
    });

    it('counts a message as handled when a handler acknowledges it, and no sooner', async () => {
      const contexts: MessageContext[] = [];
      const consumer = (own: Partial<ConsumerOptions>, onMessage: (context: MessageContext) => void) => {
        @Injectable()
        class Manual {
          @Consumer({ topic, ack: 'manual', ordering: 'none', ...own })
          async onTask(_message: unknown, context: MessageContext) {
            onMessage(context);
          }
        }
        return Manual;
      };
      const first = await open(consumer({}, (context) => void contexts.push(context)));
      for (const n of [0, 1, 2]) await send(first, n, { key: 'k' });
      await eventually(() => expect(contexts).toHaveLength(3));
      await contexts[0]?.ack();
      await first.close();
      apps.splice(0);
      const again: string[] = [];
      await open(consumer({}, (context) => void again.push(context.offset)));
      await eventually(() => expect(again).toHaveLength(2));
      expect(again).toEqual(contexts.slice(1).map(({ offset }) => offset));
    });

    it('parks a long retry on a topic of the group, from where it comes back with its attempt', async () => {
      const seen: string[] = [];
      const policy = {
        retryTopics: [300],
        retryBackoff: 'fixed',
        initialDelayMs: 300,
        inPlaceRetryMaxMs: 100,
      } as const;
      const app = await open(
        worker(
          { ...policy, initialDelayMs: 300, allowReorder: true, maxRetries: 2 },
          {
            process: (message: string, context) => {
              seen.push(`${message}/${context.attempt} of ${context.topic}`);
              if (message === 'bad' && context.attempt < 3) throw new Error('no');
            },
          },
        ),
      );
      for (const message of ['bad', 'good']) await send(app, message, { key: 'k' });
      await eventually(() =>
        expect(seen).toEqual(['bad/1', 'good/1', 'bad/2', 'bad/3'].map((one) => `${one} of ${topic}`)),
      );
    });

    it('hands over to the next what was not begun, waits for what runs, and repeats nothing of it', async () => {
      const gate = deferred();
      const handled: number[] = [];
      const entered = deferred();
      const slow = worker(
        {},
        {
          process: async (n: number) => {
            entered.resolve();
            await gate.promise;
            handled.push(n);
          },
        },
      );
      const first = await open(slow);
      for (let n = 0; n < 5; n++) await send(first, n, { key: 'k' });
      await entered.promise;
      const closing = first.close();
      gate.resolve();
      await closing;
      apps.splice(0);
      await open(slow);
      await eventually(() => expect(handled.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]));
    });

    it('shares its work with a member that joins and without one that leaves, under load and without loss', async () => {
      const seen = new Map<string, number[]>();
      const handling = {
        process: async (n: number, { key = '' }: MessageContext) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          seen.set(key, [...(seen.get(key) ?? []), n]);
        },
      };
      const handled = () => [...seen.values()].flat().length;
      const sender = await open();
      const first = await open(worker({ concurrency: 4 }, handling));
      const sending = Array.from({ length: 800 }, (_, n) => send(sender, n, { key: `key-${n % 12}` }));
      await open(worker({ concurrency: 4 }, handling));
      await eventually(() => expect(handled()).toBeGreaterThan(200), 30_000);
      apps.splice(apps.indexOf(first), 1);
      await first.close();
      await Promise.all(sending);
      await eventually(() => expect(handled()).toBeGreaterThanOrEqual(800), 30_000);
      if (features.keyOrder === 'group')
        for (const [key, list] of seen) assert.deepEqual([key, list], [key, list.toSorted((a, b) => a - b)]);
      expect(new Set([...seen].flatMap(([key, list]) => list.map((n) => `${key}/${n}`))).size).toBe(800);
    });

    it('sends nothing of a batch in which one message is bad', async () => {
      const { seen, provider } = reader(topic);
      const app = await open(provider);
      const messages = [{ n: 1 }, { n: 2n }, { n: 3 }];
      const failure = app.get(ProducerService).sendBatch({ topic, messages });
      await expect(failure).rejects.toThrow(/is not JSON/);
      await send(app, { n: 4 });
      await eventually(() => expect(seen.map(({ message }) => message)).toEqual([{ n: 4 }]));
    });
  });
}
