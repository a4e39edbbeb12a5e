import { Injectable } from '@nestjs/common';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from 'vitest';
import {
  AckModeError,
  type BatchContext,
  Consumer,
  type ConsumerOptions,
  type MessageContext,
  StaleDeliveryError,
} from '../../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../../lib/testing/index.js';
import { LogRecorder, testModule } from '../../support/test-app.js';

describe("a handler with ack: 'manual'", () => {
  let messaging: TestMessaging;
  let contexts: MessageContext[];
  let log: LogRecorder;
  const start = async (
    options: Partial<ConsumerOptions> = {},
    handle: (message: unknown, context: MessageContext) => unknown = () => undefined,
  ) => {
    contexts = [];
    log = new LogRecorder();
    @Injectable()
    class Tasks {
      @Consumer({ topic: 'tasks', ack: 'manual', ...options })
      async onTask(message: unknown, context: MessageContext) {
        contexts.push(context);
        await handle(message, context);
      }
    }
    messaging = await createTestMessaging(testModule({ providers: [Tasks] }).setLogger(log));
  };
  const deliver = async (...keys: readonly string[]) => {
    for (const key of keys) await messaging.deliver('tasks', 1, { key, partition: 0 });
    await messaging.idle();
  };

  afterEach(() => messaging.close());

  it('frees its slot when it returns, and the key when it acknowledges', async () => {
    await start();
    await deliver('a', 'a', 'b');
    expect(contexts.map(({ offset }) => offset)).toEqual(['0', '2']);
    await contexts[0]?.ack();
    await messaging.idle();
    expect(contexts.map(({ offset }) => offset)).toEqual(['0', '2', '1']);
  });

  it('gets again what it did not acknowledge', async () => {
    await start();
    await deliver('a', 'b');
    await contexts[1]?.ack();
    await messaging.rebalance();
    expect(contexts.map(({ offset }) => offset)).toEqual(['0', '1', '0', '1']);
  });

  it('may acknowledge while it runs, and twice', async () => {
    await start({}, async (_message, context) => {
      await context.ack();
      await context.ack();
    });
    await deliver('a', 'a');
    await messaging.rebalance();
    expect(contexts).toHaveLength(2);
  });

  it('has a message tried again that it gives back or fails at', async () => {
    await start({}, async (_message, context) => {
      if (context.attempt === 1) await context.nack(new Error('not yet'));
      else if (context.attempt === 2) throw new Error('no');
      else await context.ack();
    });
    await deliver('a', 'a');
    await messaging.advance('12s');
    expect(contexts.map(({ offset, attempt }) => `${offset}/${attempt}`)).toEqual(
      ['0/1', '0/2', '0/3', '1/1', '1/2', '1/3'].toSorted(),
    );
    expect(log.texts('warn').join()).toContain('not yet');
  });

  it('has no say any more in an attempt that has failed', async () => {
    await start({}, () => {
      throw new Error('no');
    });
    await deliver('a');
    await expect(contexts[0]?.ack()).rejects.toThrow(
      'has failed before it was acknowledged. The retry policy decides.',
    );
    await messaging.advance('2s');
    expect(contexts).toHaveLength(2);
  });

  it('has dead letters as others have', async () => {
    await start({ maxRetries: 0 });
    await deliver('a');
    await contexts[0]?.nack('a plain reason');
    await messaging.idle();
    expect(messaging.deadLetters('tasks')[0]?.headers.get('x-error-message')).toContain('a plain reason');
  });

  it('keeps what it acknowledged when it throws afterwards', async () => {
    await start({}, async (_message, context) => {
      await context.ack();
      throw new Error('too late');
    });
    await deliver('a');
    await messaging.advance('1m');
    expect(contexts).toHaveLength(1);
    expect(log.texts('error').join()).toContain('Tasks.onTask threw after the message was decided: too late');
  });

  it('learns that a message went to another member', async () => {
    await start();
    await deliver('a');
    await messaging.rebalance();
    await expect(contexts[0]?.ack()).rejects.toBeInstanceOf(StaleDeliveryError);
    await expect(contexts[0]?.nack()).rejects.toThrow('went to another member before it was settled');
    await expect(contexts[1]?.ack()).resolves.toBeUndefined();
  });

  it('is reported when it takes too long to acknowledge', async () => {
    const overdue: unknown[] = [];
    const onEvent = (event: unknown) => void overdue.push(event);
    subscribe('messaging:ack-overdue', onEvent);
    await start({ ackTimeoutMs: 5_000 });
    await deliver('a', 'b');
    await contexts[0]?.ack();
    await messaging.advance('5s');
    unsubscribe('messaging:ack-overdue', onEvent);
    expect(overdue).toMatchObject([{ handler: 'Tasks.onTask', topic: 'tasks', partition: 0, offset: '1' }]);
    expect(log.texts('error').join()).toContain('offset 1, attempt 1, was not acknowledged within 5000 ms.');
  });

  it('is told when it does not acknowledge by itself', async () => {
    const thrown: unknown[] = [];
    await start({ ack: 'auto' }, async (_message, context) => {
      await context.ack().catch((error: unknown) => thrown.push(error));
      await context.nack().catch((error: unknown) => thrown.push(error));
    });
    await deliver('a');
    expect(thrown).toEqual([expect.any(AckModeError), expect.any(AckModeError)]);
    expect(String(thrown[0])).toContain(
      "ack() has no effect here: the message is acknowledged when the handler returns. Set `ack: 'manual'`.",
    );
  });

  it('acknowledges a batch by index, or as a whole', async () => {
    const batches: BatchContext[] = [];
    @Injectable()
    class Tasks {
      @Consumer({ topic: 'tasks', ack: 'manual', batchSize: 3 })
      async onTasks(_messages: unknown[], context: BatchContext) {
        batches.push(context);
      }
    }
    messaging = await createTestMessaging(testModule({ providers: [Tasks] }));
    await deliver('a', 'b', 'c', 'd', 'e', 'f');
    await batches[0]?.ack(0);
    await batches[1]?.ack();
    await expect(batches[0]?.ack(3)).rejects.toThrow('Expected `index` to be from 0 to 2, got 3.');
    await messaging.rebalance();
    await messaging.advance('1s');
    expect(batches.slice(2).flatMap(({ messages }) => messages.map(({ offset }) => offset))).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
    ]);
  });

  it('is the default where the connection does not commit by itself', async () => {
    let context: MessageContext | undefined;
    @Injectable()
    class Tasks {
      @Consumer({ topic: 'tasks' })
      async onTask(_message: unknown, own: MessageContext) {
        context = own;
      }
    }
    const options = { kafka: { enableAutoCommit: false } };
    messaging = await createTestMessaging(testModule({ options, providers: [Tasks] }));
    await deliver('a');
    await expect(context?.ack()).resolves.toBeUndefined();
  });
});
