import { Injectable } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AvroField, AvroModel } from '../../../lib/avro/index.js';
import {
  type BatchContext,
  Consumer,
  ConsumerService,
  EventTopic,
  Key,
  type KeyOf,
  type MemoryOptions,
  type MessageContext,
  ProducerService,
  StateTopic,
  Worker,
  WorkerHost,
} from '../../../lib/index.js';
import { frame } from '../../../lib/registry/wire-format.js';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import { createTestMessaging, type TestMessaging } from '../../../lib/testing/index.js';
import { Line, Stock } from '../../support/avro-models.js';
import { FakeRegistry } from '../../support/fake-registry.js';
import { testModule } from '../../support/test-app.js';

@AvroModel({ namespace: 'com.example' })
class Place {
  @AvroField() shop!: string;
  @AvroField({ type: 'int' }) shelf!: number;
}

/** Keys by a class, values as JSON without a class. */
class Shelves extends EventTopic {
  static readonly topicName = 'shelves';
  static readonly keySchema = Place;
}

class Rows extends StateTopic {
  static readonly topicName = 'rows';
  static readonly schema = Line;
  static readonly keySchema = 'long';
}

@Injectable()
class Handlers {
  readonly seen: unknown[] = [];

  @Consumer({ topic: Stock })
  async onStock(@Payload() line: Line | null, @Key() key: number, @Ctx() context: MessageContext<KeyOf<typeof Stock>>) {
    const typed: number | undefined = context.key;
    this.seen.push([line?.sku, key, typed, context.keyBuffer?.length]);
  }

  @Consumer({ topic: Shelves })
  async onShelf(message: unknown, { key }: MessageContext<Place>) {
    this.seen.push([message, key, key instanceof Place]);
  }
}

@Worker({ topic: Rows, batchSize: 2, batchTimeoutMs: 50 })
class Batches extends WorkerHost<Line, void, number> {
  readonly seen: unknown[] = [];
  override async process() {}
  override async processBatch(_lines: readonly Line[], { messages }: BatchContext<number>) {
    this.seen.push(messages.map(({ key }) => key));
  }
}

describe('a key that is Avro', () => {
  let messaging: TestMessaging;
  let registry: FakeRegistry | undefined;
  const start = async (memory: MemoryOptions = {}) => {
    messaging = await createTestMessaging(testModule({ options: { memory }, providers: [Handlers, Batches] }));
  };
  const seen = () => messaging.app.get(Handlers).seen;
  const send = (key: number, message: Line | null = { sku: 'a', count: 1 }) =>
    messaging.app.get(ProducerService).send({ topic: Stock, message, key });

  afterEach(async () => {
    await messaging.close();
    await registry?.stop();
    registry = undefined;
  });

  it('is what it was when it was sent, in the context and as a parameter, of tombstones too', async () => {
    await start();
    await send(7);
    await messaging.idle();
    await send(7, null);
    await messaging.idle();
    expect(seen()).toEqual([
      ['a', 7, 7, 11],
      [undefined, 7, 7, 11],
    ]);
  });

  it('may be a class, on a topic whose values have none', async () => {
    await start();
    const key = { shop: 'north', shelf: 3 };
    await messaging.app.get(ProducerService).send({ topic: Shelves, message: { full: true }, key });
    await messaging.idle();
    expect(seen()).toEqual([[{ full: true }, key, true]]);
  });

  it('is read of each message of a batch', async () => {
    await start();
    const producer = messaging.app.get(ProducerService);
    const message = { sku: 'a', count: 1 };
    await producer.sendBatch({ topic: Rows, messages: [message, message], key: () => 5, partition: 0 });
    await messaging.advance(1_000);
    expect(messaging.app.get(Batches).seen).toEqual([[5, 5]]);
  });

  it('is read of a stream, where other topics have text', async () => {
    await start();
    const consumers = messaging.app.get(ConsumerService);
    const stream = await consumers.open<unknown, number | string>({ topics: [Stock, 'texts'], groupId: 'by-hand' });
    await send(9);
    await messaging.app.get(ProducerService).send({ topic: 'texts', message: 1, key: 'k' });
    const keys: unknown[] = [];
    for await (const message of stream) {
      keys.push(message.key);
      await stream.ack(message);
      if (keys.length === 2) break;
    }
    expect(new Set(keys)).toEqual(new Set([9, 'k']));
  });

  it('is found by its schema in a registry, as any writer has it', async () => {
    registry = await FakeRegistry.start();
    await start({ schemaRegistryUrl: registry.url });
    const id = registry.add('stock-key', '"int"');
    const key = frame(id, new AvroCodec('int').encode(3, { topic: 't' }));
    await messaging.deliver('stock', null, { key });
    await messaging.idle();
    expect(seen()).toEqual([[undefined, 3, 3, 6]]);
  });

  it('waits while the registry is down, as a value does', async () => {
    registry = await FakeRegistry.start();
    await start({ schemaRegistryUrl: registry.url });
    const key = frame(registry.add('stock-key', '"int"'), Buffer.from([2]));
    registry.fault = { status: 503, body: 'busy' };
    await messaging.deliver('stock', null, { key });
    await messaging.idle();
    expect(messaging.sent('stock-dlq')).toEqual([]);
    registry.fault = undefined;
    await messaging.advance(10_000);
    expect(seen()).toEqual([[undefined, 1, 1, 6]]);
  });

  it.each([
    ['text', Buffer.from('plain'), 'WireFormatError', 'Key of a message of topic `stock` is not Avro'],
    ['a frame that is cut off', Buffer.from('000001', 'hex'), 'WireFormatError', 'Key of a message of topic `stock`'],
  ])('that cannot be read is given up with its message, untouched: %s', async (_what, key, error, text) => {
    await start();
    await messaging.deliver('stock', null, { key });
    await messaging.idle();
    const [letter] = messaging.sent('stock-dlq');
    expect(letter?.headers.get('x-error-class')).toBe(error);
    expect(letter?.headers.get('x-error-message')).toContain(text);
    expect(letter?.key).toEqual(key);
    expect(seen()).toEqual([]);
  });

  it('and a value that cannot be read are one fault of the message, not two', async () => {
    registry = await FakeRegistry.start();
    await start({ schemaRegistryUrl: registry.url });
    const value = Buffer.from('000000270f02', 'hex');
    await messaging.deliver('stock', value, { raw: true, key: Buffer.from('0000002710ff', 'hex') });
    await messaging.advance(60_000);
    expect(messaging.sent('stock-dlq')).toHaveLength(1);
  });

  it('goes on to the output topic as it is', async () => {
    @Injectable()
    class Copy {
      @Worker({ topic: Shelves, outputTopic: 'copies', groupId: 'copy' })
      async copy(message: unknown) {
        return message;
      }
    }
    messaging = await createTestMessaging(testModule({ providers: [Copy] }));
    const key = { shop: 'north', shelf: 3 };
    await messaging.app.get(ProducerService).send({ topic: Shelves, message: 1, key });
    await messaging.idle();
    class Copies extends EventTopic {
      static readonly topicName = 'copies';
      static readonly keySchema = Place;
    }
    expect(messaging.sent(Copies)).toMatchObject([{ message: 1, key }]);
  });
});

@AvroModel({ namespace: 'com.example' })
class Node {
  @AvroField({ of: () => Node, nullable: true }) next!: object | null;
  @AvroField({ items: 'string' }) items!: string[];
}

class Nodes extends EventTopic {
  static readonly topicName = 'nodes';
  static readonly schema = Node;
  static override readonly format = 'avro';
}

@Injectable()
class Bounded {
  readonly seen: unknown[] = [];

  @Consumer({ topic: Nodes })
  async onNode(node: Node) {
    this.seen.push(node);
  }
}

describe('what an Avro message may hold', () => {
  let messaging: TestMessaging;
  afterEach(() => messaging.close());
  beforeEach(async () => {
    const memory = { maxAvroItems: 3, maxAvroDepth: 2, maxAvroBytes: 64 };
    messaging = await createTestMessaging(testModule({ options: { memory }, providers: [Bounded] }));
  });

  const node = (depth: number): object =>
    depth === 0 ? { next: null, items: [] } : { next: node(depth - 1), items: [] };

  it.each<[string, object, number, string]>([
    ['items', { next: null, items: ['a', 'b', 'c'] }, 1, ''],
    [
      'items',
      { next: null, items: ['a', 'b', 'c', 'd'] },
      0,
      'more than 3 items in arrays and maps. Correct the sender, or raise `maxAvroItems`.',
    ],
    ['records within records', node(1), 1, ''],
    [
      'records within records',
      node(2),
      0,
      'records more than 2 deep in each other. Correct the sender, or raise `maxAvroDepth`.',
    ],
    [
      'bytes',
      { next: null, items: ['x'.repeat(100)] },
      0,
      'more than 64 bytes. Correct the sender, or raise `maxAvroBytes`.',
    ],
  ])('is bounded by options: %s', async (_what, message, handled, text) => {
    await messaging.app.get(ProducerService).send({ topic: Nodes, message: message as Node });
    await messaging.idle();
    expect(messaging.app.get(Bounded).seen).toHaveLength(handled);
    const letters = messaging.sent('nodes-dlq').map(({ headers }) => headers.get('x-error-message') ?? '');
    expect(letters).toHaveLength(1 - handled);
    expect(letters.join()).toContain(text);
  });
});
