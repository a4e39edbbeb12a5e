import { Injectable, type INestMicroservice } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AvroEncodeError,
  type AvroSchema,
  Consumer,
  EventTopic,
  type MessageContext,
  type MessageOf,
  outputs,
  MessagingHealthIndicator,
  ProducerService,
  RegistryUnavailableError,
  SerializationError,
  ValidationError,
  Worker,
} from '../../../lib/index.js';
import { avroSchemaOf } from '../../../lib/avro/index.js';
import { frame } from '../../../lib/registry/wire-format.js';
import { systemClock, type Clock } from '../../../lib/core/clock.js';
import { CLOCK, DRIVER_FACTORY } from '../../../lib/messaging.tokens.js';
import type { MemoryDrivers } from '../../../lib/testing/memory-drivers.js';
import { eventually } from '../../support/eventually.js';
import { createTestMessaging, type TestMessaging } from '../../../lib/testing/index.js';
import type { MemoryOptions } from '../../../lib/index.js';
import { FakeRegistry } from '../../support/fake-registry.js';
import { Line, order, Order, Orders, Signup, Signups, Stock } from '../../support/avro-models.js';
import { startApp, testModule } from '../../support/test-app.js';

const SIGNUP: AvroSchema = {
  type: 'record',
  name: 'Signup',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'age', type: 'int' },
  ],
};

class Lines extends EventTopic {
  static readonly topicName = 'lines';
  static readonly schema = Line;
  static override readonly format = 'avro';
}

@Injectable()
class Handlers {
  readonly seen: unknown[] = [];
  readonly attempts: number[] = [];
  onCall: () => unknown = () => undefined;

  @Consumer({ topic: Signups, maxRetries: 2 })
  async onSignup(signup: MessageOf<typeof Signups>) {
    this.seen.push(signup);
  }

  @Worker({ topic: Orders, outputTopic: Stock, maxRetries: 0 })
  async onOrder(received: Order) {
    this.onCall();
    this.seen.push(received);
    return outputs(received.lines.map((line) => ({ message: line, key: received.id })));
  }

  @Consumer({ topic: Lines, maxRetries: 0 })
  async onLine(line: Line) {
    this.seen.push(line);
  }

  @Worker({ topic: 'bad', outputTopic: Stock, maxRetries: 2 })
  async onBad(message: { readonly sku: string; readonly count: number }) {
    this.seen.push(message);
    return message;
  }

  @Consumer({ topic: 'plain' })
  async onAnything(message: unknown, context: MessageContext) {
    this.attempts.push(context.attempt);
    this.seen.push(message);
  }
}

async function start(
  memory: MemoryOptions = {},
): Promise<TestMessaging & { handlers: Handlers; producer: ProducerService }> {
  const messaging = await createTestMessaging(testModule({ options: { memory }, providers: [Handlers] }));
  return Object.assign(messaging, {
    handlers: messaging.app.get(Handlers),
    producer: messaging.app.get(ProducerService),
  });
}

describe('a topic with a class', () => {
  let messaging: Awaited<ReturnType<typeof start>>;
  beforeEach(async () => void (messaging = await start()));
  afterEach(() => messaging.close());

  it('hands out instances', async () => {
    await messaging.producer.send({ topic: Signups, message: { name: 'Ann', age: 30 } });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([{ name: 'Ann', age: 30 }]);
    expect(messaging.handlers.seen[0]).toBeInstanceOf(Signup);
  });

  it('sends nothing that is not valid, and names the properties', async () => {
    const sending = messaging.producer.sendBatch({
      topic: Signups,
      messages: [
        { name: 'Ann', age: 30 },
        { name: 'Bob', age: 200 },
      ],
    });
    await expect(sending).rejects.toThrow(ValidationError);
    await expect(sending).rejects.toThrow(
      'Message to topic `signups` is not valid: age: age must not be greater than 150.',
    );
    expect(messaging.sent(Signups)).toEqual([]);
  });

  it('counts a message that is not valid as not sent where nobody waits', async () => {
    messaging.producer.sendFireAndForget({ topic: Signups, message: { name: 'Bob', age: 200 } });
    await messaging.idle();
    expect(messaging.producer.stats()).toMatchObject({ failed: 1, sent: 0 });
  });

  it('gives up what comes in and is not valid at once, with the property paths', async () => {
    await messaging.deliver('signups', { name: 'Bob', age: 200 });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([]);
    const [letter] = messaging.deadLetters(Signups);
    expect(letter?.headers.get('x-error-class')).toBe('ValidationError');
    expect(letter?.headers.get('x-error-message')).toContain('age: age must not be greater than 150');
    expect(letter?.headers.get('x-attempts')).toBe('1');
  });

  it.each([
    ['send', true],
    ['receive', false],
  ] as const)('validates on one way only where it says so: %s', async (validation, refusesSend) => {
    const topic = { ...topicOf(Signups), topicName: 'one-way', validation };
    const sending = messaging.producer.send({ topic, message: { name: 'Bob', age: 200 } });
    const outcome = sending.then(
      () => false,
      (error: Error) => error instanceof ValidationError,
    );
    expect(await outcome).toBe(refusesSend);
  });

  it.each([
    ['send', false],
    ['receive', true],
    [true, true],
    [false, false],
  ] as const)(
    'a topic with validation %s refuses what comes in: %s; either way handlers get instances',
    async (validation, refuses) => {
      const topic = { topicName: 'switched', schema: Signup, cleanupPolicy: 'delete', validation } as const;
      @Injectable()
      class Reader {
        readonly seen: unknown[] = [];

        @Consumer({ topic })
        async onSignup(signup: unknown) {
          this.seen.push(signup);
        }
      }
      const other = await createTestMessaging(testModule({ options: { memory: {} }, providers: [Reader] }));
      await other.deliver('switched', { name: 'Bob', age: 200 });
      await other.deliver('switched', { name: 'Ann', age: 30 });
      await other.idle();
      const { seen } = other.app.get(Reader);
      expect(seen).toEqual([...(refuses ? [] : [{ name: 'Bob', age: 200 }]), { name: 'Ann', age: 30 }]);
      expect(seen.every((one) => one instanceof Signup)).toBe(true);
      expect(other.sent('switched-dlq')).toHaveLength(refuses ? 1 : 0);
      await other.close();
    },
  );

  it('keeps the order of the sends while some are validated', async () => {
    const sends = [1, 2, 3, 4].map((age) =>
      messaging.producer.send({ topic: Signups, message: { name: 'Ann', age }, key: 'k' }),
    );
    await Promise.all(sends);
    await messaging.idle();
    expect((messaging.handlers.seen as Signup[]).map(({ age }) => age)).toEqual([1, 2, 3, 4]);
  });

  it('a state without a key is an error', async () => {
    const sending = messaging.producer.send({ topic: Stock, message: null } as never);
    await expect(sending).rejects.toThrow(
      'Message to topic `stock` has no key, and the topic keeps the newest message of each key. Set `key`.',
    );
  });

  it('validates records inside of others too, and tells where', async () => {
    const message = Object.assign(order(), { lines: [{ sku: 'a', count: 2 ** 40 }] });
    const issues = [{ path: 'lines.0.count', message: 'count must be an integer of 32 bits' }];
    await expect(messaging.producer.send({ topic: Orders, message })).rejects.toMatchObject({ issues });
  });
});

describe('Avro without a registry', () => {
  let messaging: Awaited<ReturnType<typeof start>>;
  beforeEach(async () => void (messaging = await start()));
  afterEach(() => messaging.close());

  it('travels as single objects, and comes back as instances with all their types', async () => {
    await messaging.producer.send({ topic: Orders, message: order(7), key: 'k' });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([order(7)].map((one) => Object.assign(one, { note: null })));
    expect(messaging.handlers.seen[0]).toBeInstanceOf(Order);
    expect((messaging.handlers.seen[0] as Order).lines[0]).toBeInstanceOf(Line);
    expect(messaging.sent(Orders)[0]?.message).toBeInstanceOf(Order);
    expect(messaging.sent(Orders)).toMatchObject([
      { key: 'k', message: { id: 7, customerId: 9_007_199_254_740_993n } },
    ]);
    const [line] = messaging.sent('stock');
    expect(line).toMatchObject({ key: 7, message: { sku: 'a', count: 2 } });
    expect(line?.message).toBeInstanceOf(Line);
    expect(bytesOf(messaging, 'orders').subarray(0, 2).toString('hex')).toBe('c301');
  });

  it.each([
    ['is not valid', { sku: 'a', count: 2 ** 40 }, 'ValidationError'],
    ['its schema does not hold', { sku: 'a', count: 1, more: true }, 'AvroEncodeError'],
  ])('a result that %s ends its input at once: the handler is called once', async (_what, message, error) => {
    await messaging.deliver('bad', message, { key: 'k' });
    await messaging.advance(60_000);
    expect(messaging.handlers.seen).toHaveLength(1);
    expect(messaging.deadLetters('bad').map(({ headers }) => headers.get('x-error-class'))).toEqual([error]);
    expect(messaging.sent(Stock)).toEqual([]);
  });

  it('refuses what its schema does not hold before anything leaves', async () => {
    const message = Object.assign(order(), { total: '1.234' });
    await expect(messaging.producer.send({ topic: Orders, message })).rejects.toThrow(AvroEncodeError);
    expect(messaging.sent(Orders)).toEqual([]);
  });

  it('gives up what is no Avro at once', async () => {
    await messaging.deliver('orders', { id: 1 });
    await messaging.idle();
    expect(messaging.deadLetters(Orders).map(({ headers }) => headers.get('x-error-class'))).toEqual([
      'WireFormatError',
    ]);
  });

  it('needs a schema from somewhere', async () => {
    await expect(messaging.producer.sendAvro({ topic: 'x', message: { a: 1 } })).rejects.toThrow(
      'Message to topic `x` has no Avro schema. Give `schema`, a topic class whose `schema` has @AvroModel, or an instance of such a class.',
    );
  });
});

describe('Avro with a registry', () => {
  let registry: FakeRegistry;
  let messaging: Awaited<ReturnType<typeof start>>;
  beforeEach(async () => {
    registry = await FakeRegistry.start();
    messaging = await start({ schemaRegistryUrl: registry.url, schemaRegistryTimeoutMs: 500 });
  });
  afterEach(async () => {
    await messaging.close();
    await registry.stop();
  });

  it('registers the schemas of values and keys once each, and frames what is sent', async () => {
    for (let id = 1; id <= 5; id++) await messaging.producer.send({ topic: Orders, message: order(id), key: 'k' });
    await messaging.idle();
    expect(messaging.handlers.seen.map((one) => (one as Order).id)).toEqual([1, 2, 3, 4, 5]);
    expect(registry.requests.toSorted()).toEqual([
      'GET /schemas/types',
      'POST /subjects/orders-value/versions',
      'POST /subjects/stock-key/versions',
      'POST /subjects/stock-value/versions',
    ]);
    expect(bytesOf(messaging, 'stock').subarray(0, 4).toString('hex')).toBe('00000003');
    expect(messaging.sent(Stock)[0]).toMatchObject({ key: 1, message: { sku: 'a', count: 2 } });
  });

  it('reads what another service wrote, where no class says how', async () => {
    const id = registry.add(
      'plain-value',
      JSON.stringify({ type: 'record', name: 'P', fields: [{ name: 'a', type: 'long' }] }),
    );
    const frame = Buffer.from([0, 0, 0, id >> 8, id & 255, 4]);
    await messaging.deliver('plain', frame, { raw: true });
    await messaging.deliver('plain', { json: true });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([{ a: 2 }, { json: true }]);
  });

  it.each<[string, object, unknown]>([
    ['a schema of its own', { message: [1, 2], schema: { type: 'array', items: 'long' } }, [1, 2]],
    ['the schema of its class', { message: order() }, { id: 1, customer_id: 9_007_199_254_740_993n }],
  ])('sends a message with %s', async (_what, request, expected) => {
    await messaging.producer.sendAvro({ topic: 'plain', message: null, ...request });
    await messaging.idle();
    expect([messaging.handlers.seen[0]]).toMatchObject([expected]);
  });

  it.each([
    ['a Buffer', Buffer.from('020304', 'hex')],
    ['another Uint8Array', new Uint8Array([2, 3, 4])],
  ])(
    'sends bytes of the schema `bytes` without a length before them, as Confluent’s serializers do: %s',
    async (_what, message) => {
      await messaging.producer.sendAvro({ topic: 'plain', message, schema: 'bytes' });
      await messaging.idle();
      expect(bytesOf(messaging, 'plain').subarray(5).toString('hex')).toBe('020304');
      expect(messaging.handlers.seen).toEqual([Buffer.from('020304', 'hex')]);
    },
  );

  it('validates what sendAvro sends to a topic with a class', async () => {
    const sending = messaging.producer.sendAvro({ topic: Signups, message: { name: 'Bob', age: 200 }, schema: SIGNUP });
    await expect(sending).rejects.toThrow(ValidationError);
    await messaging.producer.sendAvro({ topic: Signups, message: { name: 'Ann', age: 20 }, schema: SIGNUP });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([{ name: 'Ann', age: 20 }]);
    expect(messaging.handlers.seen[0]).toBeInstanceOf(Signup);
  });

  it('an id of another subject is given up where the subject is verified, and read elsewhere', async () => {
    const schema = JSON.stringify(avroSchemaOf(Line));
    const value = frame(registry.add('elsewhere-value', schema), Buffer.from('026102', 'hex'));
    await messaging.deliver('lines', value, { raw: true });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([{ sku: 'a', count: 1 }]);
    await messaging.close();
    messaging = await start({ schemaRegistryUrl: registry.url, schemaRegistryVerifySubject: true });
    await messaging.deliver('lines', value, { raw: true });
    await messaging.idle();
    await messaging.deliver('lines', value, { raw: true });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([]);
    const letters = messaging.sent('lines-dlq');
    expect(letters.map(({ headers }) => headers.get('x-error-message'))).toEqual(
      Array.from(
        { length: 2 },
        () =>
          'Message of topic `lines` names schema 1000 of stock-value, elsewhere-value, not of `lines-value`, and `schemaRegistryVerifySubject` is set. Correct the sender, or the option.',
      ),
    );
    const looked = registry.requests.filter((one) => one.startsWith('GET') && one.endsWith('/versions'));
    expect(looked).toEqual(['GET /schemas/ids/1000/versions']);
    const own = registry.add(
      'lines-value',
      JSON.stringify({ ...(JSON.parse(schema) as object), namespace: 'com.other' }),
    );
    await messaging.deliver('lines', frame(own, Buffer.from('026102', 'hex')), { raw: true });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([{ sku: 'a', count: 1 }]);
  });

  it.each([
    ['record', 'com.older.Line'],
    ['topic-record', 'lines-com.older.Line'],
  ] as const)('a subject named after the %s is that of the writer', async (schemaRegistrySubjects, subject) => {
    await messaging.close();
    const options = { schemaRegistryVerifySubject: true, schemaRegistrySubjects };
    messaging = await start({ schemaRegistryUrl: registry.url, ...options });
    const older = { ...(avroSchemaOf(Line) as object), namespace: 'com.older' };
    const value = frame(registry.add(subject, JSON.stringify(older)), Buffer.from('026102', 'hex'));
    await messaging.deliver('lines', value, { raw: true });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([{ sku: 'a', count: 1 }]);
  });

  it('the registry is asked to normalize where that is wanted', async () => {
    await messaging.close();
    messaging = await start({ schemaRegistryUrl: registry.url, schemaRegistryNormalize: true });
    await messaging.producer.send({ topic: Orders, message: order(), key: 'k' });
    expect(registry.requests).toContain('POST /subjects/orders-value/versions?normalize=true');
  });

  it('what an app has written it can read without asking', async () => {
    await messaging.producer.send({ topic: Lines, message: { sku: 'a', count: 1 } });
    await messaging.idle();
    expect(messaging.handlers.seen).toEqual([{ sku: 'a', count: 1 }]);
    const asked = registry.requests.filter((one) => one.includes('lines') || one.startsWith('GET /schemas/ids'));
    expect(asked).toEqual(['POST /subjects/lines-value/versions']);
  });

  it('a key that its schema does not hold is an error', async () => {
    const sending = messaging.producer.send({ topic: Stock, message: { sku: 'a', count: 1 }, key: 1.5 });
    await expect(sending).rejects.toThrow(SerializationError);
  });
});

describe('subjects are named after', () => {
  it.each([
    ['topic', ['orders-value', 'stock-key', 'stock-value']],
    ['record', ['com.example.Line', 'com.example.Order', 'long']],
    ['topic-record', ['orders-com.example.Order', 'stock-com.example.Line', 'stock-long']],
  ] as const)('the %s', async (schemaRegistrySubjects, subjects) => {
    const registry = await FakeRegistry.start();
    const messaging = await start({ schemaRegistryUrl: registry.url, schemaRegistrySubjects });
    await messaging.producer.send({ topic: Orders, message: order(), key: 'k' });
    await messaging.idle();
    expect(registry.subjectNames.toSorted()).toEqual(subjects);
    await messaging.close();
    await registry.stop();
  });
});

describe('while the registry is down', () => {
  let registry: FakeRegistry;
  let app: INestMicroservice;
  beforeEach(async () => {
    registry = await FakeRegistry.start();
    const memory = { schemaRegistryUrl: registry.url, schemaRegistryTimeoutMs: 200_000 };
    registry.fault = { status: 503, body: 'busy' }; // so that nothing is known beforehand
    const hasty: Clock = { now: () => Date.now(), after: (ms, callback) => systemClock.after(ms / 20, callback) };
    ({ app } = await startApp({ options: { broker: 'memory', memory }, providers: [Handlers] }, (builder) =>
      builder.overrideProvider(CLOCK).useValue(hasty),
    ));
    registry.fault = undefined;
    registry.requests.length = 0;
  });
  afterEach(async () => {
    await app.close();
    await registry.stop();
  });

  it('messages wait: none is given up, and no attempt is counted', async () => {
    const id = registry.add('plain-value', '"long"');
    registry.fault = { status: 503, body: 'busy' };
    const message = Buffer.from([0, 0, 0, id >> 8, id & 255, 4]);
    await app.get(ProducerService).send({ topic: 'plain', message, raw: true });
    await eventually(() => expect(registry.requests.length).toBeGreaterThan(4));
    registry.fault = undefined;
    await eventually(() => expect(app.get(Handlers).seen).toEqual([2]));
    expect(app.get(Handlers).attempts).toEqual([1]);
  });

  it('health says so, and stays up: it is degraded until the registry answers again', async () => {
    const health = app.get(MessagingHealthIndicator);
    await eventually(() => expect(health.readiness().messaging).toMatchObject({ status: 'up', degraded: [] }));
    const id = registry.add('plain-value', '"long"');
    registry.fault = { status: 503, body: 'busy' };
    const message = Buffer.from([0, 0, 0, id >> 8, id & 255, 4]);
    await app.get(ProducerService).send({ topic: 'plain', message, raw: true });
    const text = `messages of memory wait for its schema registry: The schema registry answered GET /schemas/ids/${id} at`;
    await eventually(() =>
      expect(health.readiness().messaging).toMatchObject({
        status: 'up',
        problems: [],
        degraded: [expect.stringContaining(text)],
      }),
    );
    expect(health.liveness().messaging.status).toBe('up');
    registry.fault = undefined;
    await eventually(() => expect(app.get(Handlers).seen).toEqual([2]));
    expect(health.readiness().messaging.degraded).toEqual([]);
  });

  it('an output waits, and its handler is not called again', async () => {
    app.get(Handlers).onCall = () => (registry.fault = { status: 503, body: 'busy' });
    await app.get(ProducerService).send({ topic: Orders, message: order(), key: 'k' });
    await eventually(() => expect(registry.requests.length).toBeGreaterThan(6));
    registry.fault = undefined;
    await eventually(() => expect(registry.subjectNames).toContain('stock-value'));
    expect(app.get(Handlers).seen).toHaveLength(1);
  });

  it('a send says so', async () => {
    registry.fault = { status: 503, body: 'busy' };
    const sending = app.get(ProducerService).send({ topic: Orders, message: order(), key: 'k' });
    await expect(sending).rejects.toThrow(RegistryUnavailableError);
    await expect(sending).rejects.toThrow('answered POST /subjects/orders-value/versions at 127.0.0.1');
  });
});

/** What the broker has of the first message. */
function bytesOf(messaging: TestMessaging, topic: string): Buffer {
  const broker = messaging.app.get<MemoryDrivers>(DRIVER_FACTORY).broker('memory');
  const logs = broker.topic(topic)?.logs ?? [];
  return logs.flatMap((log) => log.read(0, 1))[0]?.value ?? Buffer.alloc(0);
}

function topicOf<T extends object>(type: T) {
  const { schema, cleanupPolicy } = type as unknown as typeof Signups;
  return { schema, cleanupPolicy };
}
