import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ClosedError,
  Consumer,
  deadLetter,
  MemoryBroker,
  type MessageContext,
  ProducerService,
  skip,
  Worker,
  WorkerService,
} from '../../../lib/index.js';
import type { MessagingOptions } from '../../../lib/options/messaging.options.js';
import { deferred } from '../../support/deferred.js';
import { eventually } from '../../support/eventually.js';
import { type StartedApp, startApp } from '../../support/test-app.js';

describe('WorkerService', () => {
  let started: StartedApp;
  let workers: WorkerService;
  let broker: MemoryBroker;
  const seen: string[] = [];
  let gate = deferred();

  @Injectable()
  class Two {
    @Worker({
      topic: 'a',
      groupId: 'shared',
      outputTopic: 'out',
      concurrency: 2,
      maxRetries: 1,
      initialDelayMs: 60_000,
      maxDelayMs: 60_000,
    })
    async a(message: string) {
      seen.push(`a ${message} begins`);
      if (message === 'wait') await gate.promise;
      if (message === 'fail') throw new Error('no');
      if (message === 'skip') return skip('known');
      if (message === 'dead') return deadLetter('hopeless');
      seen.push(`a ${message} ends`);
      return undefined;
    }

    @Consumer({ topic: 'b', groupId: 'shared', ack: 'manual' })
    async b(message: string, context: MessageContext) {
      if (message !== 'keep') await context.ack();
      seen.push(`b ${message}`);
    }

    @Consumer({ topic: 'c', groupId: 'alone', deadLetter: 'stop', maxRetries: 0 })
    async c(message: string) {
      seen.push(`c ${message}`);
      if (message === 'fail') throw new Error('fatal');
    }
  }

  const start = async (options: MessagingOptions = {}) => {
    gate = deferred();
    broker = new MemoryBroker();
    started = await startApp({ options: { memory: { broker }, ...options }, providers: [Two] });
    workers = started.app.get(WorkerService);
    await eventually(() => expect(workers.list().map(({ state }) => state)).not.toContain('waiting'));
  };
  const send = async (topic: string, ...messages: string[]) => {
    for (const message of messages)
      await started.app.get(ProducerService).send({ topic, message, partition: 0, timestamp: 1_000 });
  };
  const seenAll = (...expected: string[]) => eventually(() => expect(seen).toEqual(expected));

  afterEach(async () => {
    gate.resolve();
    await started.app.close();
    seen.length = 0;
  });

  it('lists the handlers with what they do, and gets one by name', async () => {
    await start();
    expect(workers.list().map(({ name, state }) => [name, state])).toEqual([
      ['Two.a', 'running'],
      ['Two.b', 'running'],
      ['Two.c', 'running'],
    ]);
    expect(workers.get('Two.a')).toEqual({
      name: 'Two.a',
      place: 'Two.a in TestAppModule',
      connection: 'memory',
      topic: 'a',
      groupId: 'shared',
      outputTopic: 'out',
      concurrency: 2,
      state: 'running',
      reason: undefined,
    });
    expect(() => workers.get('Two.aa')).toThrow('There is no handler `Two.aa`, did you mean `Two.a`?');
  });

  it('counts what became of messages, and shows what is unfinished', async () => {
    await start();
    await send('a', 'fine', 'skip', 'dead', 'fail', 'wait', 'wait', 'late');
    await send('b', 'keep');
    await eventually(() => expect(seen.filter((line) => line === 'a wait begins')).toHaveLength(2));
    await eventually(() =>
      expect(workers.stats('Two.a')).toEqual({
        running: 2,
        retrying: 1,
        unacked: 0,
        queued: 1,
        oldestUnsettled: { topic: 'a', partition: 0, offset: '3', timestamp: 1_000 },
        handled: 1,
        skipped: 1,
        parked: 0,
        deadLettered: 1,
        dropped: 0,
        retries: 1,
        overdue: 0,
        taken: 0,
        late: 0,
      }),
    );
    await eventually(() => expect(workers.stats('Two.b')).toMatchObject({ unacked: 1, running: 0, handled: 0 }));
  });

  it('pauses: what runs finishes, nothing new begins until it resumes, and other handlers go on', async () => {
    await start();
    await send('a', 'wait', '1', '2');
    await seenAll('a wait begins', 'a 1 begins', 'a 1 ends', 'a 2 begins', 'a 2 ends');
    workers.pause('Two.a');
    expect(workers.get('Two.a').state).toBe('paused');
    await send('a', '3');
    await send('b', 'x');
    await eventually(() => expect(seen).toContain('b x'));
    gate.resolve();
    await eventually(() => expect(seen).toContain('a wait ends'));
    expect(seen).not.toContain('a 3 begins');
    workers.resume('Two.a');
    await eventually(() => expect(seen).toContain('a 3 ends'));
    await eventually(() => expect(broker.group('shared').position('a', 0)).toBe(4));
  });

  it('stops one handler of a group: it waits for what runs, and the topics of the others are read on', async () => {
    await start();
    await send('a', 'wait');
    await seenAll('a wait begins');
    let isStopped = false;
    const stopping = workers.stop('Two.a').then(() => (isStopped = true));
    await send('a', '1');
    await send('b', 'x');
    await eventually(() => expect(seen).toContain('b x'));
    expect(isStopped).toBe(false);
    gate.resolve();
    await stopping;
    expect(seen).toEqual(['a wait begins', 'b x', 'a wait ends']);
    expect(workers.get('Two.a')).toMatchObject({ state: 'stopped', reason: 'WorkerService stopped it' });
    await workers.start('Two.a');
    await eventually(() => expect(seen).toContain('a 1 ends'));
  });

  it('leaves the group with the last of its handlers, and joins it again with the first', async () => {
    await start();
    await workers.stop('Two.a');
    await workers.stop('Two.b');
    await workers.stop('Two.b');
    await send('a', '1');
    await send('b', 'x');
    await workers.start('Two.b');
    await seenAll('b x');
    expect(workers.list().map(({ state }) => state)).toEqual(['stopped', 'running', 'running']);
    await workers.start('Two.a');
    await seenAll('b x', 'a 1 begins', 'a 1 ends');
  });

  it('starts a handler that has failed, from the message it failed with', async () => {
    const stops: unknown[] = [];
    const listen = (event: unknown) => stops.push(event);
    subscribe('messaging:handler-stopped', listen);
    await start();
    await send('c', 'fine', 'fail');
    await eventually(() => expect(workers.get('Two.c')).toMatchObject({ state: 'failed', reason: 'fatal' }));
    unsubscribe('messaging:handler-stopped', listen);
    expect(stops).toMatchObject([{ handler: 'Two.c', groupId: 'alone', error: new Error('fatal') }]);
    await workers.start('Two.c');
    await seenAll('c fine', 'c fail', 'c fail');
  });

  it('says why a handler is not started, and starts nothing once the app closes', async () => {
    started = await startApp({ options: { broker: 'kafka', kafka: { enabled: false } }, providers: [Two] });
    workers = started.app.get(WorkerService);
    await eventually(() =>
      expect(workers.get('Two.a')).toMatchObject({ state: 'stopped', reason: 'connection kafka is disabled' }),
    );
    await started.app.close();
    await expect(workers.start('Two.a')).rejects.toThrow(ClosedError);
  });
});
