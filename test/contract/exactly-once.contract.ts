import { Injectable, type INestMicroservice, type Provider } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BatchError,
  Consumer,
  type MessageContext,
  ProducerService,
  type WorkerHost,
  type WorkerOptions,
} from '../../lib/index.js';
import { workerOf, type Handling } from '../support/engine-app.js';
import { eventually } from '../support/eventually.js';
import { startApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';
import type { WorkerSubject } from './worker.contract.js';

interface Written {
  readonly message: unknown;
  readonly key: string | undefined;
  readonly reason: string | undefined;
}

/** What a worker with `exactlyOnce` writes, on every broker with transactions. */
export function exactlyOnceContract({ name, options }: WorkerSubject): void {
  describe(`workers on ${name} with exactlyOnce`, () => {
    const apps: INestMicroservice[] = [];
    let [topic, results, groupId] = ['', '', ''];
    let shared = options();

    const open = async (...providers: Provider[]): Promise<INestMicroservice> => {
      const { app } = await startApp({ options: { ...shared, groupId }, providers });
      apps.push(app);
      return app;
    };
    const close = async (app: INestMicroservice) => {
      apps.splice(apps.indexOf(app), 1);
      await app.close();
    };
    const worker = (own: Partial<WorkerOptions>, handling: Omit<Handling, 'options'>): new () => WorkerHost =>
      workerOf({
        options: {
          topic,
          outputTopic: results,
          exactlyOnce: true,
          transactionIntervalMs: 20,
          initialDelayMs: 25,
          ...own,
        },
        ...handling,
      });
    const sendAll = (app: INestMicroservice, messages: readonly unknown[], keys: number) =>
      app.get(ProducerService).sendBatch({ topic, messages, key: (_, index) => `key-${index % keys}` });
    const read = async (from: string): Promise<Written[]> => {
      const written: Written[] = [];
      @Injectable()
      class Reader {
        @Consumer({ topic: from, groupId: unique('reader'), name: unique('Reader') })
        async onMessage(message: unknown, { key, headers }: MessageContext) {
          written.push({ message, key, reason: headers.get('x-reason') });
        }
      }
      await open(Reader);
      return written;
    };
    const numbers = (written: readonly Written[]) =>
      written.map(({ message }) => Number(message)).toSorted((a, b) => a - b);
    const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

    beforeEach(() => {
      shared = options();
      [topic, results, groupId] = [unique('tasks'), unique('results'), unique('group')];
    });

    afterEach(async () => {
      await Promise.all(apps.splice(0).map((app) => app.close()));
    });

    it('writes each result and each dead letter once, in the order of a key, while handlers fail and members come and go', async () => {
      const calls = new Map<number, number>();
      const passer = worker(
        { concurrency: 4, maxRetries: 1 },
        {
          process: async (n: number, { attempt }) => {
            calls.set(n, (calls.get(n) ?? 0) + 1);
            await new Promise((resolve) => setTimeout(resolve, 2));
            if (n % 50 === 7 || (n % 10 === 3 && attempt === 1)) throw new Error('failed');
            return n;
          },
        },
      );
      const first = await open(passer);
      const [out, dead] = [await read(results), await read(`${topic}-dlq`)];
      await sendAll(first, upTo(400), 8);
      await eventually(() => expect(out.length).toBeGreaterThan(40));
      const second = await open(passer);
      await eventually(() => expect(out.length).toBeGreaterThan(120));
      await close(first);
      await eventually(() => expect(out.length + dead.length).toBeGreaterThanOrEqual(400), 30_000);
      await close(second);
      expect(numbers([...out, ...dead])).toEqual(upTo(400));
      expect(numbers(dead)).toEqual(upTo(400).filter((n) => n % 50 === 7));
      for (let key = 0; key < 8; key++) {
        const own = out.filter((one) => one.key === `key-${key}`).map(({ message }) => Number(message));
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
      expect(calls.size).toBe(400);
    });

    it('writes each result of a batch once, and repeats of a batch only what failed', async () => {
      const app = await open(
        worker(
          { batchSize: 5, batchTimeoutMs: 50, concurrency: 2 },
          {
            processBatch: (messages: number[]) => {
              const failed = messages.findIndex((n) => n % 9 === 4);
              if (messages.length > 1 && failed >= 0) throw new BatchError([failed], messages);
              return messages;
            },
          },
        ),
      );
      const out = await read(results);
      await sendAll(app, upTo(60), 3);
      await eventually(() => expect(out.length).toBeGreaterThanOrEqual(60), 30_000);
      await close(app);
      expect(numbers(out)).toEqual(upTo(60));
    });

    it('makes a dead letter of a message whose result can never be written, and writes those around it', async () => {
      const app = await open(worker({}, { process: (n: number) => (n === 3 ? 'x'.repeat(3_000_000) : n) }));
      const [out, dead] = [await read(results), await read(`${topic}-dlq`)];
      await sendAll(app, upTo(8), 1);
      await eventually(() => expect(dead).toEqual([{ message: 3, key: 'key-0', reason: 'output' }]));
      await eventually(() => expect(out).toHaveLength(7));
      expect(numbers(out)).toEqual(upTo(8).filter((n) => n !== 3));
    });

    it('parks a long retry in the same transaction, from where it comes back once', async () => {
      const app = await open(
        worker(
          {
            retryTopics: [200],
            retryBackoff: 'fixed',
            initialDelayMs: 200,
            inPlaceRetryMaxMs: 100,
            allowReorder: true,
          },
          {
            process: (n: number, { attempt }) => {
              if (n === 1 && attempt === 1) throw new Error('later');
              return n;
            },
          },
        ),
      );
      const out = await read(results);
      await sendAll(app, upTo(3), 1);
      await eventually(() => expect(out).toHaveLength(3));
      await close(app);
      expect(out.map(({ message }) => message)).toEqual([0, 2, 1]);
    });
  });
}
