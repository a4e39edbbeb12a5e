import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { AvroField, AvroModel } from '../../../lib/avro/index.js';
import { Connection } from '../../../lib/connection/connection.js';
import { driverFactory } from '../../../lib/driver/driver.factory.js';
import { EventTopic } from '../../../lib/index.js';
import { resolveMessagingOptions } from '../../../lib/options/messaging.options.js';
import { registryOptions } from '../../../lib/options/registry.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { frame } from '../../../lib/registry/wire-format.js';
import { Formats } from '../../../lib/serialization/formats.js';
import type { Source } from '../../../lib/serialization/serializer.js';
import { FakeRegistry } from '../../support/fake-registry.js';
import { TestLog } from '../../support/test-log.js';

@AvroModel({ namespace: 'com.example' })
class Click {
  @AvroField() at!: string;
}

class Clicks extends EventTopic {
  static readonly topicName = 'clicks';
  static readonly schema = Click;
  static override readonly format = 'avro';
}

/** The same class, written as JSON. */
class PlainClicks extends EventTopic {
  static readonly topicName = 'plain-clicks';
  static readonly schema = Click;
}

class KeyedClicks extends EventTopic {
  static readonly topicName = 'keyed-clicks';
  static readonly keySchema = 'long';
}

const SCHEMA = { type: 'record', name: 'Click', fields: [{ name: 'at', type: 'string' }] } as const;
/** The message that is read. */
const AT: Source = { partition: { topic: 'any', index: 3 }, offset: '17', headers: [] };
const click = Object.assign(new Click(), { at: 'noon' });

let registry: FakeRegistry;
let formats: Formats;
beforeEach(async () => {
  registry = await FakeRegistry.start();
  const unset = resolveOptions(registryOptions, { path: '', input: {}, faults: [] });
  formats = new Formats({ registry: unset, defaultRegistryUrl: registry.url, clock: systemClock });
});
afterEach(async () => {
  formats.close();
  await registry.stop();
});

it.each([
  ['a topic whose format is avro', () => formats.of(Clicks).serialize(click, 'clicks')],
  ['sendAvro', () => formats.avro('any', { at: 'noon' }, SCHEMA).serialize({ at: 'noon' }, 'any')],
  ['a topic with a keySchema', () => formats.keyOf(7, KeyedClicks)],
])('the default registry is asked for %s', async (_who, write) => {
  expect((await write()) as Buffer).toEqual(expect.any(Buffer));
  expect(registry.requests).toEqual([expect.stringMatching(/^POST \/subjects\/.*\/versions$/)]);
});

it('the default registry is asked for the schema of what a topic whose format is avro reads', async () => {
  const framed = frame(registry.add('clicks-value', JSON.stringify(SCHEMA)), Buffer.from('086e6f6f6e', 'hex'));
  expect(
    await formats.of(Clicks).deserialize(framed, { ...AT, partition: { topic: 'clicks', index: 0 } }),
  ).toMatchObject({ at: 'noon' });
  expect(await formats.readAvro(framed, AT)).toEqual({ at: 'noon' });
});

it.each([
  ['without a class', 'any'],
  ['with a class that is written as JSON', PlainClicks],
  ['whose format is avro', Clicks],
] as const)(
  'a schema that a header names is heeded on a topic %s, whatever the bytes begin with',
  async (_how, topic) => {
    const input = { schemaRegistryUrl: registry.url };
    const named = new Formats({
      registry: resolveOptions(registryOptions, { path: '', input, faults: [] }),
      clock: systemClock,
    });
    const id = registry.add('clicks-value', JSON.stringify(SCHEMA));
    const headers = [['__value_schema_id', frame(id, Buffer.alloc(0))]] as const;
    const read = await named.of(topic).deserialize(Buffer.from('086e6f6f6e', 'hex'), { ...AT, headers });
    named.close();
    expect(read).toMatchObject({ at: 'noon' });
  },
);

it.each([
  ['without a class', 'any'],
  ['with a class that is written as JSON', PlainClicks],
] as const)(
  'the default registry is never asked for a topic %s, not even when bytes look framed',
  async (_how, topic) => {
    const serializer = formats.of(topic);
    const json = (await serializer.serialize(click, 'any')) as Buffer;
    expect(await serializer.deserialize(json, AT)).toEqual({ at: 'noon' });
    await expect(async () => serializer.deserialize(frame(1, Buffer.from('x')), AT)).rejects.toThrow(
      'names schema 1 of a registry, and none is configured. Set `schemaRegistryUrl`.',
    );
    expect(registry.requests).toEqual([]);
  },
);

it('Kafka has a default registry, at localhost:8081, for topics that are Avro; other brokers have none', () => {
  const { connections } = resolveMessagingOptions({ kafka: {}, redis: {}, memory: {} }, {});
  const registryOf = (name: string, topics: readonly (typeof EventTopic)[]) => {
    const settings = connections.get(name);
    if (!settings) throw new Error(name);
    const parts = { drivers: driverFactory, clock: systemClock, log: new TestLog() };
    return new Connection(settings, parts).formats.registryFor(topics as never);
  };
  expect(registryOf('kafka', [Clicks])).toMatchObject({ options: { schemaRegistryUrl: 'http://localhost:8081' } });
  expect(registryOf('kafka', [KeyedClicks])).toBeDefined();
  expect(registryOf('kafka', [PlainClicks])).toBeUndefined();
  expect(registryOf('redis', [Clicks])).toBeUndefined();
  expect(registryOf('memory', [Clicks])).toBeUndefined();
});
