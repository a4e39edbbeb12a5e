import { Controller, Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { Consumer, type MessageContext, ProducerService, Worker, WorkerHost } from '../../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../../lib/testing/index.js';
import { deferred } from '../../support/deferred.js';
import { type AppSpec, testModule } from '../../support/test-app.js';

describe('handlers', () => {
  let messaging: TestMessaging;
  const start = async (spec: AppSpec) => (messaging = await createTestMessaging(testModule(spec)));

  afterEach(() => messaging.close());

  it('are found on methods of providers and controllers, on classes, and on values', async () => {
    const seen: string[] = [];
    @Injectable()
    class Provider {
      @Consumer({ topic: 'a' })
      async onA(message: string) {
        seen.push(`provider ${message}`);
      }
    }
    @Controller()
    class InController {
      @Worker({ topic: 'b' })
      async onB(message: string) {
        seen.push(`controller ${message}`);
      }
    }
    @Worker({ topic: 'c' })
    class Host extends WorkerHost<string> {
      override async process(message: string) {
        seen.push(`host ${message}`);
      }
    }
    class Value {
      @Consumer({ topic: 'd' })
      async onD(message: string) {
        seen.push(`value ${message}`);
      }
    }
    const value = { provide: 'VALUE', useValue: new Value() };
    const alias = { provide: 'ALIAS', useExisting: Provider };
    await start({ providers: [Provider, Host, value, alias], controllers: [InController] });
    for (const topic of ['a', 'b', 'c', 'd']) await messaging.deliver(topic, topic);
    await messaging.idle();
    expect(seen.toSorted()).toEqual(['controller b', 'host c', 'provider a', 'value d']);
  });

  it('get the payload and the context of the message', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Audit {
      @Consumer({ topic: 'events', groupId: 'audit' })
      async onEvent(message: unknown, context: MessageContext) {
        const { topic, partition, offset, key, timestamp, attempt, deliveries, groupId, signal } = context;
        seen.push({
          message,
          topic,
          partition,
          offset,
          key,
          timestamp,
          attempt,
          deliveries,
          groupId,
          aborted: signal.aborted,
        });
        seen.push(context.headers.get('source'));
      }
    }
    await start({ providers: [Audit] });
    const sent = await messaging.deliver('events', { id: 1 }, { key: 'k', headers: { source: 'web' }, timestamp: 42 });
    await messaging.idle();
    const position = { topic: 'events', partition: sent.partition, offset: '0' };
    expect(seen).toEqual([
      {
        message: { id: 1 },
        ...position,
        key: 'k',
        timestamp: 42,
        attempt: 1,
        deliveries: 1,
        groupId: 'audit',
        aborted: false,
      },
      'web',
    ]);
  });

  it('send what they return to the output topic, with the key and the trace of the input, and nothing for undefined', async () => {
    @Injectable()
    class Doubler {
      @Worker({ topic: 'numbers', outputTopic: 'doubled' })
      async double(n: number) {
        return n === 0 ? undefined : n * 2;
      }
    }
    await start({ providers: [Doubler] });
    await messaging.deliver('numbers', 0);
    await messaging.deliver('numbers', 21, { key: 'k', headers: { traceparent: '00-ab-cd-01', other: 'x' } });
    await messaging.idle();
    const [output, ...more] = messaging.sent('doubled');
    expect(more).toEqual([]);
    expect(output).toMatchObject({ message: 42, key: 'k' });
    expect([...(output?.headers ?? [])].map(([name]) => name)).toEqual(['traceparent']);
  });

  it('get null for a tombstone, and Buffers when they ask for raw bytes', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Reader {
      @Consumer({ topic: 'states' })
      async onState(message: unknown) {
        seen.push(message);
      }

      @Worker({ topic: 'bytes', raw: true, outputTopic: 'copy' })
      async onBytes(bytes: Buffer) {
        return Buffer.concat([bytes, bytes]);
      }
    }
    await start({ providers: [Reader] });
    await messaging.deliver('states', null, { key: 'k' });
    await messaging.deliver('bytes', Buffer.from([0, 255]), { raw: true });
    await messaging.idle();
    expect(seen).toEqual([null]);
    expect(messaging.sent('copy')[0]?.message).toEqual(Buffer.from([0, 255, 0, 255]));
  });

  it('run one message of a key at a time, different keys at once', async () => {
    const running = new Set<string>();
    let most = 0;
    const order: string[] = [];
    @Worker({ topic: 'tasks', concurrency: 8 })
    class Task extends WorkerHost<number> {
      override async process(n: number, context: MessageContext) {
        const key = context.key ?? '';
        expect(running.has(key)).toBe(false);
        running.add(key);
        most = Math.max(most, running.size);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running.delete(key);
        order.push(`${key}:${n}`);
      }
    }
    await start({ providers: [Task] });
    for (let n = 0; n < 60; n++) await messaging.deliver('tasks', n, { key: `k${n % 6}` });
    await messaging.idle();
    expect(most).toBe(6);
    for (let key = 0; key < 6; key++) {
      const own = order.filter((entry) => entry.startsWith(`k${key}:`));
      expect(own).toEqual(Array.from({ length: 10 }, (_, n) => `k${key}:${n * 6 + key}`));
    }
  });

  it('of the whole app hold no more bytes than maxBufferBytes before they pause, and handle all in the end', async () => {
    const seen: number[] = [];
    @Injectable()
    class Hungry {
      @Consumer({ topic: 'tasks' })
      async onTask(n: number) {
        seen.push(n);
      }
    }
    await start({ options: { maxBufferBytes: 300, memory: { maxPollRecords: 2 } }, providers: [Hungry] });
    for (let n = 0; n < 50; n++) await messaging.deliver('tasks', n, { partition: n % 3 });
    await messaging.idle();
    expect(seen).toHaveLength(50);
  });

  it('are tried again after a failure, with the attempt counted, before what comes after them', async () => {
    const seen: string[] = [];
    @Worker({ topic: 'tasks' })
    class Flaky extends WorkerHost<number> {
      override async process(n: number, { attempt }: MessageContext) {
        seen.push(`${n}/${attempt}`);
        if (n === 1 && attempt === 1) throw new Error('not yet');
      }
    }
    await start({ providers: [Flaky] });
    for (const n of [1, 2]) await messaging.deliver('tasks', n, { key: 'k' });
    await messaging.idle();
    expect(seen).toEqual(['1/1']);
    await messaging.advance('2s');
    expect(seen).toEqual(['1/1', '1/2', '2/1']);
  });

  it('leave bytes that are not JSON to the dead letter topic, untouched and with the reason', async () => {
    @Worker({ topic: 'tasks' })
    class Never extends WorkerHost {
      override async process() {
        throw new Error('must not be called');
      }
    }
    await start({ providers: [Never] });
    await messaging.deliver('tasks', Buffer.from('{oops'), { raw: true, key: 'k', headers: { own: 'kept' } });
    await messaging.idle();
    const [letter] = messaging.sent('tasks-dlq');
    expect(letter).toMatchObject({ key: 'k', message: Buffer.from('{oops') });
    const header = (name: string) => letter?.headers.get(name);
    expect(header('own')).toBe('kept');
    expect(header('x-original-topic')).toBe('tasks');
    expect(header('x-handler')).toBe('Never');
    expect(header('x-error-class')).toBe('DeserializationError');
    expect(header('x-error-message')).toContain('is not JSON');
  });

  it('of one group on several topics and of several groups on one topic all get their messages', async () => {
    const seen: string[] = [];
    @Injectable()
    class Many {
      @Consumer({ topic: 'a', groupId: 'one' })
      async a1() {
        seen.push('a1');
      }
      @Consumer({ topic: 'a', groupId: 'two' })
      async a2() {
        seen.push('a2');
      }
      @Consumer({ topic: 'b', groupId: 'one' })
      async b1() {
        seen.push('b1');
      }
    }
    await start({ providers: [Many] });
    await messaging.deliver('a', 1);
    await messaging.deliver('b', 1);
    await messaging.idle();
    expect(seen.toSorted()).toEqual(['a1', 'a2', 'b1']);
  });

  it('finish what runs while the app closes, and can still send', async () => {
    const entered = deferred();
    const finish = deferred();
    @Injectable()
    class Slow {
      constructor(private readonly producer: ProducerService) {}

      @Consumer({ topic: 'tasks' })
      async onTask() {
        entered.resolve();
        await finish.promise;
        await this.producer.send({ topic: 'done', message: 'late' });
      }
    }
    await start({ providers: [Slow] });
    await messaging.deliver('tasks', 1);
    await entered.promise;
    const closing = messaging.close();
    finish.resolve();
    await closing;
    expect(messaging.sent('done')).toHaveLength(1);
  });
});
