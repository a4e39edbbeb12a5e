import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Consumer, ProducerService } from '../../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../../lib/testing/index.js';
import { frame } from '../../../lib/registry/wire-format.js';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';
import { FakeRegistry } from '../../support/fake-registry.js';
import { Line, Stock } from '../../support/avro-models.js';
import { testModule } from '../../support/test-app.js';

@Injectable()
class Handlers {
  readonly seen: unknown[] = [];

  @Consumer({ topic: Stock, maxRetries: 2, initialDelayMs: 100, retryBackoff: 'fixed' })
  async onStock(line: Line | null) {
    this.seen.push(line);
  }

  @Consumer({ topic: 'plain', maxRetries: 2, initialDelayMs: 100, retryBackoff: 'fixed' })
  async onPlain(message: unknown) {
    this.seen.push(message);
  }
}

const LINE: AvroSchema = {
  type: 'record',
  name: 'Line',
  namespace: 'com.example',
  fields: [
    { name: 'sku', type: 'string' },
    { name: 'count', type: 'int' },
  ],
};

describe('what becomes of a message that cannot be read', () => {
  let registry: FakeRegistry;
  let messaging: TestMessaging;
  beforeEach(async () => {
    registry = await FakeRegistry.start();
    const memory = { schemaRegistryUrl: registry.url };
    messaging = await createTestMessaging(testModule({ options: { memory }, providers: [Handlers] }));
  });
  afterEach(async () => {
    await messaging.close();
    await registry.stop();
  });

  const seen = () => messaging.app.get(Handlers).seen;
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
    ['fewer than five bytes', '000000', 'WireFormatError'],
    ['an id that none can have', '0000000000aa', 'WireFormatError'],
    ['no Avro where the topic has only that', '2aff', 'WireFormatError'],
    ['a single object of an unknown schema', 'c3010102030405060708aa', 'WireFormatError'],
  ])('%s: given up at once, with its bytes', async (_what, hex, error) => {
    const value = Buffer.from(hex, 'hex');
    await deliver('stock', value);
    expect(letter('stock', value)).toEqual([error, '1', true]);
  });

  it.each<[string, AvroSchema | string, Buffer, string, object]>([
    ['bytes that are cut off', LINE, Buffer.from('02', 'hex'), 'AvroDecodeError', {}],
    ['bytes behind the end', LINE, Buffer.concat([line, line]), 'AvroDecodeError', {}],
    ['another record', { type: 'record', name: 'Other', fields: [] }, Buffer.alloc(0), 'SchemaResolutionError', {}],
    [
      'a record without a field that is needed',
      { ...(LINE as object), fields: [] } as never,
      Buffer.alloc(0),
      'SchemaResolutionError',
      {},
    ],
    ['a schema that is none', 'not json', Buffer.alloc(0), 'SchemaResolutionError', {}],
    [
      'Protobuf',
      'syntax = "proto3";',
      Buffer.from('00', 'hex'),
      'UnsupportedSchemaTypeError',
      { schemaType: 'PROTOBUF' },
    ],
  ])('%s: given up at once, with its bytes', async (_what, schema, body, error, more) => {
    const text = typeof schema === 'string' ? schema : JSON.stringify(schema);
    const value = frame(registry.add('stock-value', text, more), body);
    await deliver('stock', value);
    await deliver('stock', value);
    expect(letter('stock', value)).toEqual([error, '1', true]);
    expect(registry.requests).toHaveLength(1); // what is wrong with a schema is found out once
  });

  it('an id that the registry has not: tried again by the policy, then given up', async () => {
    const value = frame(4711, line);
    await deliver('stock', value);
    await messaging.advance(1_000);
    expect(letter('stock', value)).toEqual(['SchemaNotFoundError', '3', true]);
  });

  it('a number beyond 2^53 says that it needs a bigint', async () => {
    const schema: AvroSchema = { type: 'long', js: 'bigint' };
    const value = frame(registry.add('plain-value', '"long"'), new AvroCodec(schema).encode(2n ** 60n, { topic: 't' }));
    await deliver('plain', value);
    const [found] = messaging.deadLetters('plain');
    expect(found?.headers.get('x-error-message')).toContain('A long beyond 2^53 needs a `bigint` property.');
  });

  it('JSON with a schema of its own in the registry is read', async () => {
    const id = registry.add('plain-value', '{"type":"object"}', { schemaType: 'JSON' });
    await deliver('plain', frame(id, Buffer.from('{"a":1}')));
    expect(seen()).toEqual([{ a: 1 }]);
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

  it('a tombstone is no payload: nothing is decoded, nothing validated', async () => {
    await messaging.app.get(ProducerService).send({ topic: Stock, message: null, key: 1 });
    await messaging.idle();
    expect(seen()).toEqual([null]);
  });
});
