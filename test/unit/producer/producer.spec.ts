import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable, Scope } from '@nestjs/common';
import type { INestMicroservice } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BrokerDisabledError,
  BufferFullError,
  DeliveryTimeoutError,
  getProducerToken,
  InjectProducer,
  MemoryBroker,
  Producer,
  ProducerService,
  SendBatchError,
  SerializationError,
  UnknownTopicError,
  type SendFailedEvent,
} from '../../../lib/index.js';
import { eventually } from '../../support/eventually.js';
import { type AppSpec, type LogRecorder, startApp } from '../../support/test-app.js';

describe('ProducerService', () => {
  let app: INestMicroservice;
  let log: LogRecorder;
  let broker: MemoryBroker;
  const start = async (spec: AppSpec = {}) => {
    ({ app, log } = await startApp({ options: { memory: { broker } }, ...spec }));
    return app.get(ProducerService);
  };
  const stored = (topic: string) => broker.topic(topic)?.logs.flatMap((one) => [...one.read(0, 1000)]) ?? [];

  beforeEach(() => {
    broker = new MemoryBroker();
  });
  afterEach(() => app.close());

  it('sends JSON with key, headers, partition and timestamp, and tells where it was written', async () => {
    const producer = await start();
    const timestamp = new Date(1_700_000_000_000);
    const sent = await producer.send({
      topic: 'events',
      message: { id: 1 },
      key: 'k',
      headers: { source: 'web' },
      partition: 2,
      timestamp,
    });
    expect(sent).toEqual({ topic: 'events', partition: 2, offset: '0' });
    expect(stored('events')).toEqual([
      {
        offset: 0,
        key: Buffer.from('k'),
        value: Buffer.from('{"id":1}'),
        headers: [['source', Buffer.from('web')]],
        timestamp: 1_700_000_000_000,
      },
    ]);
  });

  it.each([Number.NaN, -1, Infinity, new Date('never')])(
    'refuses the timestamp %s before anything leaves',
    async (timestamp) => {
      const producer = await start();
      const sending = producer.send({ topic: 'events', message: {}, timestamp });
      await expect(sending).rejects.toThrow(
        'Expected `timestamp` to be milliseconds ≥ 0 since the epoch, or a date, got ',
      );
      await expect(sending).rejects.toBeInstanceOf(SerializationError);
      expect(stored('events')).toEqual([]);
    },
  );

  it('takes the whole milliseconds of a timestamp', async () => {
    const producer = await start();
    await producer.send({ topic: 'events', message: {}, timestamp: 1_700_000_000_000.75 });
    expect(stored('events')).toMatchObject([{ timestamp: 1_700_000_000_000 }]);
  });

  it('sends null as a tombstone, an empty key as none, and raw bytes as they are', async () => {
    const producer = await start();
    await producer.send({ topic: 'a', message: null, key: 'k' });
    await producer.send({ topic: 'b', message: 1, key: '' });
    await producer.send({ topic: 'c', message: Buffer.from([1, 2]), raw: true });
    expect(stored('a')[0]?.value).toBeNull();
    expect(stored('b')[0]?.key).toBeNull();
    expect(stored('c')[0]?.value).toEqual(Buffer.from([1, 2]));
  });

  it.each<[string, object, string]>([
    [
      'undefined',
      { message: undefined },
      'Message to topic `t` is a undefined, which JSON does not have. Send an object, or null for a tombstone.',
    ],
    [
      'a bigint',
      { message: 1n },
      'Message to topic `t` is not JSON: Do not know how to serialize a BigInt. Send plain data.',
    ],
    [
      'a Buffer without raw',
      { message: Buffer.alloc(1) },
      'Message to topic `t` is a Buffer, which JSON would spell out. Send it with `raw: true`.',
    ],
    [
      'text with raw',
      { message: 'x', raw: true },
      'Expected the message to topic `t` to be a Buffer, since `raw` is set, got string. Send a Buffer, or leave `raw` out.',
    ],
    [
      'a number as key',
      { message: 1, key: 7 },
      'Expected the key of a message to topic `t` to be a string or a Buffer, got `7` (number). Turn it into text.',
    ],
    [
      'a number as header',
      { message: 1, headers: { n: 7 } },
      'Message to topic `t`: Expected header `n` to be a string or a Buffer, got `7` (number). Turn it into text first.',
    ],
  ])('refuses %s', async (_what, request, text) => {
    const producer = await start();
    const error: unknown = await producer
      .send({ topic: 't', message: 0, ...request })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SerializationError);
    expect((error as Error).message).toBe(text);
  });

  it('answers a batch in the order of its messages', async () => {
    const producer = await start();
    const results = await producer.sendBatch({ topic: 'events', messages: ['a', 'b', 'a'], key: (message) => message });
    expect(results.map(({ partition }) => partition)).toEqual([
      results[0]?.partition,
      results[1]?.partition,
      results[0]?.partition,
    ]);
    expect(Number(results[2]?.offset)).toBeGreaterThan(Number(results[0]?.offset));
    expect(await producer.sendBatch({ topic: 'events', messages: [] })).toEqual([]);
  });

  it('sends nothing of a batch in which one message cannot be encoded', async () => {
    const producer = await start();
    await expect(producer.sendBatch({ topic: 'events', messages: [1, 2n, 3] })).rejects.toThrow(SerializationError);
    expect(stored('events')).toEqual([]);
  });

  it('tells by index which messages of a batch were not written', async () => {
    const producer = await start({ options: { memory: { broker, maxMessageBytes: 200 } } });
    const error: unknown = await producer
      .sendBatch({ topic: 'events', messages: ['a', 'x'.repeat(500), 'c'] })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SendBatchError);
    expect((error as SendBatchError).results.map((result) => result instanceof Error)).toEqual([false, true, false]);
    expect(producer.stats()).toMatchObject({ sent: 2, failed: 1 });
  });

  it('names the topic that does not exist', async () => {
    const producer = await start({ options: { memory: { broker, autoCreateTopics: false } } });
    await expect(producer.send({ topic: 'nowhere', message: 1 })).rejects.toThrow(UnknownTopicError);
  });

  it('waits with send while a topic is full, at most deliveryTimeoutMs', async () => {
    broker = new MemoryBroker({ maxMessagesPerTopic: 1 });
    const producer = await start({ options: { memory: { broker, deliveryTimeoutMs: 50 } } });
    await producer.send({ topic: 'events', message: 1 });
    const error: unknown = await producer.send({ topic: 'events', message: 2 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeliveryTimeoutError);
    expect((error as DeliveryTimeoutError).state).toBe('not-written');
  });

  it('drops a fire-and-forget when the buffer is full: counted, logged, published', async () => {
    broker = new MemoryBroker({ maxMessagesPerTopic: 1 });
    const producer = await start({ options: { memory: { broker, deliveryTimeoutMs: 100 }, maxPendingMessages: 2 } });
    const published: SendFailedEvent[] = [];
    const listener = (event: unknown) => void published.push(event as SendFailedEvent);
    subscribe('messaging:send-failed', listener);
    for (let n = 0; n < 5; n++) producer.sendFireAndForget({ topic: 'logs', message: n });
    expect(producer.stats()).toMatchObject({ dropped: 3, pendingMessages: 2 });
    await eventually(() =>
      expect(producer.stats()).toMatchObject({ sent: 1, failed: 4, dropped: 3, pendingMessages: 0, pendingBytes: 0 }),
    );
    unsubscribe('messaging:send-failed', listener);
    expect(published.map(({ error }) => error.code)).toEqual([
      'BUFFER_FULL',
      'BUFFER_FULL',
      'BUFFER_FULL',
      'DELIVERY_TIMEOUT',
    ]);
    expect(published[0]).toMatchObject({ connection: 'memory', topic: 'logs' });
    expect(published[0]?.error).toBeInstanceOf(BufferFullError);
    expect(log.texts('error')[0]).toBe(
      'Message to topic `logs` was dropped: 2 messages wait to be sent. Raise `maxPendingMessages`, or use `send`, which waits.',
    );
  });

  it('has room again when it says that a fire-and-forget failed: who hears it may send once more', async () => {
    const producer = await start({
      options: { memory: { broker, autoCreateTopics: false }, maxPendingMessages: 1 },
    });
    const pending: number[] = [];
    const listener = () => void pending.push(producer.stats().pendingMessages);
    subscribe('messaging:send-failed', listener);
    producer.sendFireAndForget({ topic: 'nowhere', message: 1 });
    await eventually(() => expect(pending).toEqual([0]));
    unsubscribe('messaging:send-failed', listener);
  });

  it('says one line a second however many fire-and-forgets fail', async () => {
    const producer = await start({ options: { memory: { broker, autoCreateTopics: false } } });
    for (let n = 0; n < 100; n++) producer.sendFireAndForget({ topic: 'nowhere', message: n });
    await eventually(() => expect(producer.stats().failed).toBe(100));
    expect(log.texts('error')).toHaveLength(1);
    await eventually(() =>
      expect(log.texts('error')[1]).toContain('99 more messages were not sent, the last: Topic `nowhere`'),
    );
  });

  it('throws at once for a fire-and-forget that cannot be encoded', async () => {
    const producer = await start();
    expect(() => producer.sendFireAndForget({ topic: 'logs', message: 1n })).toThrow(SerializationError);
  });

  it('waits its turn when the buffer is full, in the order of the calls', async () => {
    const producer = await start({ options: { memory: { broker }, maxPendingMessages: 1 } });
    await Promise.all(Array.from({ length: 20 }, (_, n) => producer.send({ topic: 'events', message: n, key: 'k' })));
    expect(stored('events').map(({ value }) => Number(value))).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it('rejects while its connection is disabled, and builds no client', async () => {
    const producer = await start({
      options: { broker: 'kafka', kafka: { enabled: false, bootstrapServers: 'localhost:1' } },
    });
    await expect(producer.send({ topic: 'events', message: 1 })).rejects.toThrow(BrokerDisabledError);
  });

  it('is injected by class for the default connection and by name for the others', async () => {
    const eu = new MemoryBroker();
    @Injectable()
    class Services {
      constructor(
        readonly main: ProducerService,
        @InjectProducer() readonly same: ProducerService,
        @InjectProducer('eu') readonly eu: ProducerService,
      ) {}
    }
    await start({
      options: { broker: 'memory', memory: { broker }, connections: { eu: { kind: 'memory', broker: eu } } },
      providers: [Services],
    });
    const services = app.get(Services);
    expect(services.main).toBe(services.same);
    expect(app.get(getProducerToken('eu'))).toBe(services.eu);
    await services.eu.send({ topic: 'events', message: 1 });
    expect([stored('events').length, eu.topic('events')?.size]).toEqual([0, 1]);
  });

  describe('@Producer', () => {
    class Publisher {
      @Producer({ topic: 'user-events', key: (event) => String(event['userId']), headers: { source: 'web' } })
      async publish(userId: number, action: string) {
        return { userId, action };
      }

      @Producer({ topic: 'user-events' })
      async quiet() {
        return undefined;
      }
    }

    it('sends what the method returns, then returns it', async () => {
      await start({ providers: [Publisher] });
      expect(await app.get(Publisher).publish(1, 'login')).toEqual({ userId: 1, action: 'login' });
      expect(stored('user-events')).toMatchObject([
        { key: Buffer.from('1'), value: Buffer.from('{"userId":1,"action":"login"}') },
      ]);
    });

    it('sends nothing for undefined, and rejects when the send fails', async () => {
      await start({ options: { memory: { broker, autoCreateTopics: false } }, providers: [Publisher] });
      expect(await app.get(Publisher).quiet()).toBeUndefined();
      await expect(app.get(Publisher).publish(1, 'login')).rejects.toThrow(UnknownTopicError);
    });

    it('keeps the metadata of decorators below it, and works in subclasses and request scope', async () => {
      const Mark = (_target: object, _name: string | symbol, descriptor: PropertyDescriptor) =>
        Reflect.defineMetadata('mark', true, descriptor.value as object);
      @Injectable({ scope: Scope.REQUEST })
      class Child extends Publisher {
        @Producer({ topic: 'other' })
        @Mark
        async more() {
          return { child: true };
        }
      }
      await start({ providers: [Child] });
      const child = await app.resolve(Child);
      expect(Reflect.getMetadata('mark', child.more)).toBe(true);
      await child.publish(2, 'x');
      await child.more();
      expect([stored('user-events').length, stored('other').length]).toEqual([1, 1]);
    });

    it('sends through the app that made its instance, with two apps in a process', async () => {
      const otherBroker = new MemoryBroker();
      const other = await startApp({ options: { memory: { broker: otherBroker } }, providers: [Publisher] });
      await start({ providers: [Publisher] });
      await other.app.get(Publisher).publish(9, 'other');
      expect([stored('user-events').length, otherBroker.topic('user-events')?.size]).toEqual([0, 1]);
      await other.app.close();
    });
  });
});
