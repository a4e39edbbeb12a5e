import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Consumer,
  messagingMicroservice,
  ProducerService,
  Worker,
  WorkerHost,
  WorkerService,
} from '../../../lib/index.js';
import { createTestMessaging } from '../../../lib/testing/index.js';
import { eventually } from '../../support/eventually.js';
import { LogRecorder, testModule } from '../../support/test-app.js';

@Injectable()
class Handlers {
  @Consumer({ topic: 'events' })
  async onEvent(message: unknown) {
    if (message === 'bad') throw new Error('no');
  }

  @Worker({ topic: 'tasks', outputTopic: 'results', concurrency: 4, dlqTopic: 'tasks-dlq' })
  async onTask(message: unknown) {
    return message;
  }
}

describe('the log', () => {
  let close = async () => {};
  afterEach(() => close());

  /** An app whose logger is chosen after it was made, as `app.useLogger(app.get(Logger))` does. */
  const start = async () => {
    const [before, log] = [new LogRecorder(), new LogRecorder()];
    const module = await testModule({ options: { broker: 'memory' }, providers: [Handlers] })
      .setLogger(before)
      .compile();
    const app = module.createNestMicroservice({ ...messagingMicroservice(), logger: before });
    app.useLogger(log);
    await app.listen();
    close = () => app.close();
    const workers = app.get(WorkerService);
    await eventually(() => expect(workers.list().every(({ state }) => state === 'running')).toBe(true));
    return { app, workers, before, log };
  };
  const ours = (log: LogRecorder) => log.lines.filter(({ context }) => context === 'Messaging');

  it('goes to the logger of `app.useLogger`, with one line a handler at boot', async () => {
    const { before, log } = await start();
    expect(ours(log).map(({ level, text }) => [level, text])).toEqual([
      ['log', 'Handlers.onEvent ← events (memory, group test-group, concurrency 1), dead letters events-dlq'],
      ['log', 'Handlers.onTask ← tasks (memory, group test-group, concurrency 4) → results, dead letters tasks-dlq'],
    ]);
    expect(ours(before)).toEqual([]);
  });

  it('names class, topic, connection, group, concurrency, output and dead letters in that line', async () => {
    @Worker({ topic: 'tasks', outputTopic: 'results', groupId: 'task-processor', concurrency: 4 })
    class TaskWorker extends WorkerHost {
      async process() {}
    }
    const log = new LogRecorder();
    const options = { kafka: { bootstrapServers: 'localhost:9092' } };
    const messaging = await createTestMessaging(testModule({ options, providers: [TaskWorker] }).setLogger(log));
    close = () => messaging.close();
    expect(ours(log).map(({ text }) => text)).toEqual([
      'TaskWorker ← tasks (kafka, group task-processor, concurrency 4) → results, dead letters tasks-dlq',
    ]);
  });

  it('says nothing of messages that are sent and handled', async () => {
    const { app, workers, log } = await start();
    const { length } = log.lines;
    const messages = Array.from({ length: 100 }, (_, n) => n);
    await app.get(ProducerService).sendBatch({ topic: 'events', messages });
    await app.get(ProducerService).sendBatch({ topic: 'tasks', messages, key: String });
    await eventually(() => {
      const counts = ['Handlers.onEvent', 'Handlers.onTask'].map((name) => workers.stats(name).handled);
      expect(counts).toEqual([100, 100]);
    });
    expect(log.lines.slice(length)).toEqual([]);
  });

  it('has a context for each part of the library', async () => {
    const { app, log } = await start();
    app.get(ProducerService).sendFireAndForget({ topic: 'events', message: 'bad' });
    app.get(ProducerService).sendFireAndForget({ topic: 'x', message: 'y'.repeat(2_000_000) });
    await eventually(() => {
      const told = log.lines.map(({ level, context }) => `${level} ${String(context)}`);
      expect(told).toContain('warn Messaging');
      expect(told).toContain('error Producer');
    });
  });
});
