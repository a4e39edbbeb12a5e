import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { Consumer, ProducerService, Worker, WorkerHost, WorkerService } from '../../../lib/index.js';
import { eventually } from '../../support/eventually.js';
import { type StartedApp, startApp } from '../../support/test-app.js';

const CHANNELS = ['sent', 'attempt', 'settled', 'retry', 'gave-up', 'handler-started', 'handler-stopped'];

describe('events', () => {
  const told: unknown[] = [];
  const listeners = CHANNELS.map((name) => {
    const listen = (event: unknown) => told.push([name, event]);
    return { channel: `messaging:${name}`, listen };
  });
  let started: StartedApp;
  const of = (...names: string[]) =>
    told.flatMap((one) => (names.includes((one as [string])[0]) ? [(one as [string, object])[1]] : []));

  afterEach(async () => {
    for (const { channel, listen } of listeners) unsubscribe(channel, listen);
    await started.app.close();
    told.length = 0;
  });

  it('tell the way of a message: sent, tried, retried, given up, settled; and when handlers start and stop', async () => {
    for (const { channel, listen } of listeners) subscribe(channel, listen);
    @Injectable()
    class Failing {
      @Consumer({ topic: 'a', maxRetries: 1, retryBackoff: 'fixed', initialDelayMs: 0 })
      async fail() {
        throw new Error('no');
      }
    }
    started = await startApp({ options: { broker: 'memory' }, providers: [Failing] });
    await started.app.get(ProducerService).send({ topic: 'a', message: 1, partition: 0 });
    const app = expect.any(String) as string;
    const message = {
      app,
      handler: 'Failing.fail',
      connection: 'memory',
      groupId: 'test-group',
      topic: 'a',
      partition: 0,
      offset: '0',
    };
    await eventually(() => expect(of('settled')).toEqual([{ ...message, attempt: 2, as: 'deadLettered' }]));
    expect(of('sent')).toMatchObject([{ connection: 'memory', topic: 'a', count: 1, failed: 0 }]);
    expect(of('attempt')).toMatchObject([
      { ...message, attempt: 1, verdict: 'retry' },
      { ...message, attempt: 2, verdict: 'settle' },
    ]);
    expect(of('retry')).toMatchObject([{ ...message, attempt: 1, delayMs: 0, error: new Error('no') }]);
    expect(of('gave-up')).toMatchObject([{ ...message, reason: 'retries-exhausted', deadLetterTopic: 'a-dlq' }]);
    await started.app.get(WorkerService).stop('Failing.fail');
    const handler = { app, handler: 'Failing.fail', connection: 'memory', groupId: 'test-group' };
    expect(of('handler-started', 'handler-stopped')).toEqual([handler, { ...handler, error: undefined }]);
  });

  it('tell of each message of a batch', async () => {
    for (const { channel, listen } of listeners) subscribe(channel, listen);
    @Worker({ topic: 'a', batchSize: 2, batchTimeoutMs: 1_000 })
    class Batches extends WorkerHost<number> {
      override async process() {}
      override async processBatch() {}
    }
    started = await startApp({ options: { broker: 'memory' }, providers: [Batches] });
    await started.app.get(ProducerService).sendBatch({ topic: 'a', messages: [1, 2], partition: 0 });
    await eventually(() => expect(of('settled')).toHaveLength(2));
    expect(of('attempt')).toMatchObject([
      { offset: '0', verdict: 'settle' },
      { offset: '1', verdict: 'settle' },
    ]);
    expect(of('sent')).toMatchObject([{ count: 2 }]);
  });

  it('and stats are of one app each', async () => {
    for (const { channel, listen } of listeners) subscribe(channel, listen);
    @Injectable()
    class Audit {
      @Consumer({ topic: 'a' })
      async onA() {}
    }
    started = await startApp({ options: { broker: 'memory' }, providers: [Audit] });
    const other = await startApp({ options: { broker: 'memory' }, providers: [Audit] });
    const handled = ({ app }: StartedApp) => app.get(WorkerService).stats('Audit.onA').handled;
    await started.app.get(ProducerService).send({ topic: 'a', message: 1 });
    await eventually(() => expect(of('settled')).toHaveLength(1));
    expect([started, other].map(handled)).toEqual([1, 0]);
    expect(new Set(of('settled', 'handler-started').map((event) => (event as { readonly app: string }).app)).size).toBe(
      2,
    );
    await other.app.close();
  });
});
