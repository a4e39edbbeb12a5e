import { Injectable } from '@nestjs/common';
import { MaxLength } from 'class-validator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AvroEncodeError,
  Consumer,
  EventTopic,
  type MemoryOptions,
  type MessageContext,
  MessagingHealthIndicator,
  ProducerService,
} from '../../../lib/index.js';
import { AvroField, AvroModel, avroSchemaOf } from '../../../lib/avro/index.js';
import { events, type GaveUpEvent } from '../../../lib/core/events.js';
import { DRIVER_FACTORY } from '../../../lib/messaging.tokens.js';
import type { MemoryDrivers } from '../../../lib/testing/memory-drivers.js';
import { createTestMessaging, type TestMessaging } from '../../../lib/testing/index.js';
import { frame } from '../../../lib/registry/wire-format.js';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';
import { FakeRegistry, type Fault } from '../../support/fake-registry.js';
import { Line, Order, order, Stock } from '../../support/avro-models.js';
import { LogRecorder, testModule } from '../../support/test-app.js';

@AvroModel({ namespace: 'com.example' })
class Checked {
  @AvroField() @MaxLength(3) code!: string;
}

class CheckedTopic extends EventTopic {
  static readonly topicName = 'checked';
  static readonly schema = Checked;
  static override readonly format = 'avro';
}

@Injectable()
class Handlers {
  readonly seen: unknown[] = [];
  readonly attempts: number[] = [];

  @Consumer({ topic: Stock, maxRetries: 2, initialDelayMs: 100, retryBackoff: 'fixed' })
  async onStock(line: Line | null) {
    this.seen.push(line);
  }

  @Consumer({ topic: 'plain', maxRetries: 2, initialDelayMs: 100, retryBackoff: 'fixed' })
  async onPlain(message: unknown, { attempt }: MessageContext) {
    this.seen.push(message);
    this.attempts.push(attempt);
  }

  @Consumer({ topic: CheckedTopic, maxRetries: 2 })
  async onChecked(message: Checked) {
    this.seen.push(message);
  }
}

const SKU = { name: 'sku', type: 'string' };
const COUNT = { name: 'count', type: 'int' };
const LINE: AvroSchema = { type: 'record', name: 'Line', namespace: 'com.example', fields: [SKU, COUNT] };
/** A line of a writer that has a field more, which is skipped here. */
const withField = (type: unknown): AvroSchema =>
  ({ ...(LINE as object), fields: [SKU, COUNT, { name: 'more', type }] }) as never;
const NUMBERS = withField({ type: 'array', items: 'long' });
const NODES = withField({ type: 'record', name: 'N', fields: [{ name: 'next', type: ['null', 'N'] }] });
/** 3e8, as a count. */
const MANY = Buffer.from('80ccb99a02', 'hex');

describe('what becomes of a message that cannot be read', () => {
  let registry: FakeRegistry;
  let messaging: TestMessaging;
  let log: LogRecorder;
  beforeEach(async () => {
    registry = await FakeRegistry.start();
    await start();
  });
  afterEach(async () => {
    await messaging.close();
    await registry.stop();
  });

  const start = async (more: MemoryOptions = {}) => {
    const memory = { schemaRegistryUrl: registry.url, ...more };
    log = new LogRecorder();
    messaging = await createTestMessaging(testModule({ options: { memory }, providers: [Handlers] }).setLogger(log));
  };
  const seen = () => messaging.app.get(Handlers).seen;
  const attempts = () => messaging.app.get(Handlers).attempts;
  /** What was asked for messages, beside the look at the start. */
  const asked = () => registry.requests.filter((request) => request !== 'GET /schemas/types');
  const deliver = async (topic: string, value: Buffer) => {
    await messaging.deliver(topic, value, { raw: true });
    await messaging.idle();
  };
  /** The error, how many attempts it took, and whether the dead letter has the very bytes. */
  const letter = (topic: string, value: Buffer) => {
    const [found] = messaging.deadLetters<Buffer>(topic);
    const { headers, message } = found ?? {};
    const isIntact = Buffer.isBuffer(message) && message.equals(value);
    return [headers?.get('x-error-class'), headers?.get('x-attempts'), isIntact];
  };
  const line = new AvroCodec(LINE).encode({ sku: 'a', count: 1 }, { topic: 't' });

  it.each([
    ['M01 fewer than five bytes', '000000', 'WireFormatError', 'has only 3 bytes (first bytes 000000)'],
    ['M02 a first byte that is none of ours', '2aff', 'WireFormatError', 'is not Avro (first bytes 2aff)'],
    ['M03 an id that none can have', '0000000000aa', 'WireFormatError', 'its id is 0 (first bytes 0000000000aa)'],
    [
      'M04 a single object of an unknown schema',
      'c3010102030405060708aa',
      'WireFormatError',
      'fingerprint 0102030405060708, which is not known here',
    ],
  ])('%s: given up at once, with its bytes and its place', async (_what, hex, error, text) => {
    const value = Buffer.from(hex, 'hex');
    await deliver('stock', value);
    expect(letter('stock', value)).toEqual([error, '1', true]);
    const [{ headers } = {}] = messaging.deadLetters('stock');
    expect(headers?.get('x-error-message')).toContain(text);
    expect([headers?.get('x-original-topic'), headers?.get('x-original-offset')]).toEqual(['stock', '0']);
  });

  it.each<[string, AvroSchema | string, Buffer, string, string, object]>([
    [
      'M06 bytes that are cut off',
      LINE,
      Buffer.from('02', 'hex'),
      'AvroDecodeError',
      '(byte 1 of 1): the data is cut off',
      {},
    ],
    [
      'M07 bytes behind the end',
      LINE,
      Buffer.concat([line, line]),
      'AvroDecodeError',
      '(byte 3 of 6): the data goes on behind its end',
      {},
    ],
    [
      'M08 a branch that its union has not',
      { ...(LINE as object), fields: [{ name: 'sku', type: ['string', 'bytes'] }, COUNT] } as never,
      Buffer.from('06', 'hex'),
      'AvroDecodeError',
      'invalid union index',
      {},
    ],
    [
      'M10 more items than the limit',
      NUMBERS,
      Buffer.concat([line, MANY]),
      'AvroDecodeError',
      'more than 100000 items',
      {},
    ],
    [
      'M11 a block size that is none',
      NUMBERS,
      Buffer.concat([line, Buffer.from('0103', 'hex')]),
      'AvroDecodeError',
      'a block whose size is not that of the data',
      {},
    ],
    [
      'M12 records deeper than the limit',
      NODES,
      Buffer.concat([line, Buffer.alloc(100_000, 2)]),
      'AvroDecodeError',
      'records more than 500 deep',
      {},
    ],
    [
      'M14 another record',
      { type: 'record', name: 'Other', fields: [] },
      Buffer.alloc(0),
      'SchemaResolutionError',
      'was written as Other (schema 1000), which cannot be read as com.example.Line: no alias found for Other',
      {},
    ],
    [
      'M15 a record without a field that is needed',
      { ...(LINE as object), fields: [COUNT] } as never,
      Buffer.alloc(0),
      'SchemaResolutionError',
      '(schema 1000), which cannot be read as com.example.Line: no matching field for default-less com.example.Line.sku',
      {},
    ],
    [
      'M16 a schema that is none',
      'not json',
      Buffer.alloc(0),
      'SchemaResolutionError',
      'names schema 1000, which is no Avro schema',
      {},
    ],
    [
      'M17 Protobuf',
      'syntax = "proto3";',
      Buffer.from('00', 'hex'),
      'UnsupportedSchemaTypeError',
      'has schema 1000 of type PROTOBUF',
      { schemaType: 'PROTOBUF' },
    ],
  ])(
    '%s: given up at once, with its bytes; the registry is asked once',
    async (_what, schema, body, error, text, about) => {
      const written = typeof schema === 'string' ? schema : JSON.stringify(schema);
      const value = frame(registry.add('stock-value', written, about), body);
      await deliver('stock', value);
      await deliver('stock', value);
      expect(letter('stock', value)).toEqual([error, '1', true]);
      expect(messaging.deadLetters('stock')[1]?.headers.get('x-error-message')).toContain(text);
      expect(messaging.deadLetters('stock')).toHaveLength(2);
      expect(asked()).toEqual(['GET /schemas/ids/1000']);
    },
  );

  it('M18 a schema that cannot be read is an error in the log once, however many messages it has', async () => {
    const other = frame(registry.add('stock-value', '{"type":"record","name":"Other","fields":[]}'), Buffer.alloc(0));
    for (let n = 0; n < 3; n++) await deliver('stock', other);
    await deliver('stock', Buffer.from('2aff', 'hex'));
    await deliver('stock', Buffer.from('2aff', 'hex'));
    const about = (level: string, text: string) => log.texts(level).filter((line) => line.includes(text)).length;
    expect([about('error', 'was written as Other'), about('debug', 'was written as Other')]).toEqual([1, 2]);
    expect(about('error', 'is not Avro')).toBe(2); // each of these is another fault
    expect(messaging.deadLetters('stock')).toHaveLength(5);
  });

  it.each<[string, string, number | undefined]>([
    ['no frame', '2aff', undefined],
    ['bytes that are cut off', '02', 1],
    ['bytes behind the end', '0461620405', 4],
  ])('M44 the error names the message, and in Avro the byte: %s', async (_what, hex, position) => {
    await messaging.deliver('stock', null, { partition: 0 }); // so that the next one is not the first
    const found: Error[] = [];
    const listen = ({ error }: GaveUpEvent) => found.push(error);
    events.gaveUp.subscribe(listen);
    const body = Buffer.from(hex, 'hex');
    const value = position === undefined ? body : frame(registry.add('stock-value', JSON.stringify(LINE)), body);
    await messaging.deliver('stock', value, { raw: true, partition: 0 });
    await messaging.idle();
    events.gaveUp.unsubscribe(listen);
    expect(found).toMatchObject([{ topic: 'stock', partition: 0, offset: '1', ...(position && { position }) }]);
  });

  it('M05 an id that the registry has not: tried again by the policy, then given up', async () => {
    const value = frame(4711, line);
    await deliver('stock', value);
    await messaging.advance(1_000);
    expect(letter('stock', value)).toEqual(['SchemaNotFoundError', '3', true]);
  });

  it('M09 a symbol that its enum has not: given up at once, with its bytes', async () => {
    const id = registry.add('plain-value', '{"type":"enum","name":"E","symbols":["A"]}');
    const value = frame(id, Buffer.from([4]));
    await deliver('plain', value);
    expect(letter('plain', value)).toEqual(['AvroDecodeError', '1', true]);
  });

  it('M13 a number beyond 2^53 says that it needs a bigint', async () => {
    const schema: AvroSchema = { type: 'long', js: 'bigint' };
    const value = frame(registry.add('plain-value', '"long"'), new AvroCodec(schema).encode(2n ** 60n, { topic: 't' }));
    await deliver('plain', value);
    expect(letter('plain', value)).toEqual(['AvroDecodeError', '1', true]);
    const [found] = messaging.deadLetters('plain');
    expect(found?.headers.get('x-error-message')).toContain('A long beyond 2^53 needs a `bigint` property.');
  });

  it('M19 what class-validator refuses after decoding: given up at once, with its bytes and the paths', async () => {
    const schema = JSON.stringify({ ...(avroSchemaOf(Checked) as object), namespace: 'elsewhere' });
    const value = frame(registry.add('checked-value', schema), Buffer.from('0a7a7a7a7a7a', 'hex'));
    await deliver('checked', value);
    const [found] = messaging.deadLetters('checked');
    expect([found?.headers.get('x-error-class'), found?.headers.get('x-attempts')]).toEqual(['ValidationError', '1']);
    const logs = messaging.app.get<MemoryDrivers>(DRIVER_FACTORY).broker('memory').topic('checked-dlq')?.logs ?? [];
    expect(logs.flatMap((one) => one.read(0, 1)).map((record) => record.value)).toEqual([value]);
    expect(found?.headers.get('x-error-message')).toContain('code: code must be shorter than or equal to 3 characters');
  });

  it.each<[string, object, string]>([
    ['M20 a value of another type', { sku: 1, count: 1 }, 'sku: got `1` (number), expected string'],
    ['M21 a field that is missing', { count: 1 }, 'sku: got `undefined` (undefined), expected string'],
    [
      'M22 a field that the schema has not',
      { sku: 'a', count: 1, extra: 1 },
      'no field for `extra` in com.example.Line',
    ],
    ['M23 half a surrogate pair', { sku: '\ud800', count: 1 }, 'sku: got `\ud800` (string), expected string'],
    ['M24 an ES Map', { labels: new Map([['a', 'b']]) }, 'labels: got an ES Map (give a plain object), expected map'],
  ])('%s: the send rejects, with the path, and nothing leaves', async (_what, message, text) => {
    const schema = 'labels' in message ? Order : Line;
    const topic = { topicName: 'lines', schema, format: 'avro', validation: false, cleanupPolicy: 'delete' } as const;
    const sending = messaging.app
      .get(ProducerService)
      .send({ topic, message: 'labels' in message ? Object.assign(order(), message) : message } as never);
    await expect(sending).rejects.toThrow(AvroEncodeError);
    await expect(sending).rejects.toThrow(text);
    expect(messaging.sent('lines')).toEqual([]);
  });

  it.each<[string, Fault | 'nobody listens', 'up' | 'down', string]>([
    ['M30 408', { status: 408, body: '{}' }, 'up', 'with 408'],
    ['M31 429', { status: 429, body: '{}' }, 'up', 'with 429'],
    [
      'M32 500 of its store',
      { status: 500, body: '{"error_code":50001,"message":"store"}' },
      'up',
      'with 500 (50001): store',
    ],
    ['M33 503', { status: 503, body: 'busy' }, 'up', 'with 503'],
    ['M34 the page of a proxy', { status: 502, body: '<html>' }, 'up', 'with 502: no JSON'],
    ['M35 no JSON', { status: 200, body: '<html>' }, 'up', 'with 200: no JSON'],
    ['M36 no answer in time', 'hang', 'up', 'no answer within 100 ms'],
    ['M37 a connection that breaks', 'break', 'up', 'socket hang up'],
    ['M38 nobody listens', 'nobody listens', 'up', 'ECONNREFUSED'],
    ['M39 401', { status: 401, body: '{}' }, 'down', 'with 401'],
    ['M40 403', { status: 403, body: '{}' }, 'down', 'with 403'],
  ])(
    '%s: its partition waits, nothing is given up, health tells, and the first attempt comes after',
    async (_what, fault, status, text) => {
      const id = registry.add('plain-value', '"long"');
      if (fault === 'hang') await messaging.close().then(() => start({ schemaRegistryTimeoutMs: 100 }));
      if (fault === 'nobody listens') await registry.stop();
      else registry.fault = fault;
      await deliver('plain', frame(id, Buffer.from([4])));
      await messaging.advance(1_000);
      expect(messaging.sent('plain-dlq')).toEqual([]);
      const { messaging: health } = messaging.app.get(MessagingHealthIndicator).readiness();
      expect(health.status).toBe(status);
      expect([...health.problems, ...health.degraded].join()).toContain(text);
      if (fault === 'nobody listens') await registry.listen();
      registry.fault = undefined;
      await messaging.advance(5_000);
      expect(seen()).toEqual([2]);
      expect(attempts()).toEqual([1]);
      const after = messaging.app.get(MessagingHealthIndicator).readiness().messaging;
      expect([after.status, after.degraded]).toEqual(['up', []]);
    },
  );

  it('M41 a registry that is lost does not hold up messages whose schema is known', async () => {
    const id = registry.add('plain-value', '"long"');
    await deliver('plain', frame(id, Buffer.from([4])));
    await registry.stop();
    await deliver('plain', frame(id, Buffer.from([6])));
    expect(seen()).toEqual([2, 3]);
    expect(messaging.app.get(MessagingHealthIndicator).readiness().messaging.degraded).toEqual([]);
    await registry.listen();
  });

  it('JSON with a schema of its own in the registry is read', async () => {
    const id = registry.add('plain-value', '{"type":"object"}', { schemaType: 'JSON' });
    await deliver('plain', frame(id, Buffer.from('{"a":1}')));
    expect(seen()).toEqual([{ a: 1 }]);
  });

  it('M43 JSON that is none, where the registry says JSON: given up at once, with its bytes', async () => {
    const value = frame(registry.add('plain-value', '{"type":"object"}', { schemaType: 'JSON' }), Buffer.from('{"a":'));
    await deliver('plain', value);
    expect(letter('plain', value)).toEqual(['DeserializationError', '1', true]);
  });

  it('a schema that refers to another is read', async () => {
    registry.add('line', JSON.stringify(LINE));
    const references = [{ name: 'com.example.Line', subject: 'line', version: 1 }];
    const id = registry.add('plain-value', '{"type":"array","items":"com.example.Line"}', { references });
    await deliver('plain', frame(id, Buffer.concat([Buffer.from([2]), line, Buffer.from([0])])));
    expect(seen()).toEqual([[{ sku: 'a', count: 1 }]]);
  });

  it('bytes of a schema `bytes` have no length before them', async () => {
    await deliver('plain', frame(registry.add('plain-value', '"bytes"'), Buffer.from('020304', 'hex')));
    expect(seen()).toEqual([Buffer.from('020304', 'hex')]);
  });

  it('M42 a tombstone is no payload: nothing is decoded, nothing validated', async () => {
    await messaging.app.get(ProducerService).send({ topic: Stock, message: null, key: 1 });
    await messaging.idle();
    expect(seen()).toEqual([null]);
  });
});
