import { systemClock } from '../../../lib/core/clock.js';
import { registryOptions } from '../../../lib/options/registry.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { SchemaRegistry } from '../../../lib/registry/schema-registry.js';
import { frame, unframe } from '../../../lib/registry/wire-format.js';
import { DEFAULT_LIMITS } from '../../../lib/serialization/avro/shapes.js';
import { WriterSchemas } from '../../../lib/serialization/avro/writer-schemas.js';
import { FakeRegistry } from '../fake-registry.js';

const context = { topic: 't' };

/** The way of a message: its frame, the registry, the schema that is there. */
export async function readRegistered(schema: string, body: Buffer): Promise<unknown> {
  const fake = await FakeRegistry.start();
  const writers = new WriterSchemas({ registry: clientOf(fake), limits: DEFAULT_LIMITS });
  const framed = unframe(frame(fake.add('t-value', schema), body), context, []);
  return framed && writers.read(framed, context);
}

export async function answerWithoutEnd(): Promise<unknown> {
  const fake = await FakeRegistry.start();
  fake.fault = { status: 200, body: JSON.stringify({ schema: 'x'.repeat(2_000_000) }) };
  return clientOf(fake).byId(1);
}

function clientOf({ url: schemaRegistryUrl }: FakeRegistry): SchemaRegistry {
  const input = { schemaRegistryUrl };
  return new SchemaRegistry(resolveOptions(registryOptions, { path: '', input, faults: [] }), systemClock);
}
