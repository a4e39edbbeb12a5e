import { describe, expect, it } from 'vitest';
import { AvroField, AvroModel } from '../../../lib/avro/index.js';
import { ConfigurationError, MessagingModule, type MessagingOptions, type TopicClass } from '../../../lib/index.js';
import { testModule } from '../../support/test-app.js';

class Plain {}
@AvroModel({ namespace: 'x' })
class Broken {
  @AvroField() list!: string[];
}

const topic = (own: object): TopicClass => ({ topicName: 'a', cleanupPolicy: 'delete', ...own });

async function faultsOf(topics: readonly TopicClass[], options: MessagingOptions = { broker: 'memory' }) {
  const module = await testModule({ options, imports: [MessagingModule.forFeature(topics)] }).compile();
  try {
    await module.init();
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  } finally {
    await module.close().catch(() => {}); // Nest 11 tells the error of the start again
  }
}

describe('a topic class that cannot work is told at start', () => {
  it.each<[object, string]>([
    [{ partitions: 0 }, 'Expected `partitions` of topic `a` to be an integer ≥ 1, got `0` (number).'],
    [{ replicationFactor: 1.5 }, 'Expected `replicationFactor` of topic `a` to be an integer ≥ 1, got `1.5` (number).'],
    [{ retentionMs: '1d' }, 'Expected `retentionMs` of topic `a` to be an integer ≥ 1, got `1d` (string).'],
    [
      { cleanupPolicy: 'compacted' },
      'Expected `cleanupPolicy` of topic `a` to be one of `delete`, `compact`, `compact,delete`, got `compacted` (string).',
    ],
    [{ format: 'xml' }, 'Expected `format` of topic `a` to be one of `json`, `avro`, got `xml` (string).'],
    [
      { validation: 'no' },
      'Expected `validation` of topic `a` to be one of `true`, `false`, `send`, `receive`, got `no` (string).',
    ],
    [{ schema: {} }, 'Expected `schema` of topic `a` to be a class, got `[object Object]` (object).'],
    [{ format: 'avro' }, "Topic `a` has `format` 'avro' and no `schema`. Set it to a class with @AvroModel."],
    [
      { format: 'avro', schema: Plain },
      "Topic `a` is written as Avro, but its `schema`, class `Plain`, has no @AvroModel. Decorate it: @AvroModel({ namespace: '…' }).",
    ],
    [
      { keySchema: Plain },
      "Topic `a` is written as Avro, but its `keySchema`, class `Plain`, has no @AvroModel. Decorate it: @AvroModel({ namespace: '…' }).",
    ],
  ])('%j', async (own, fault) => {
    expect(await faultsOf([topic(own)])).toEqual([fault]);
  });

  it('with the faults of its Avro schema', async () => {
    expect(await faultsOf([topic({ schema: Broken })])).toEqual([expect.stringContaining('`Broken.list` is an array')]);
  });

  it('with a name that its broker does not take, and twins', async () => {
    const kafka = { kafka: { bootstrapServers: 'localhost:1' } };
    expect(await faultsOf([topic({ topicName: 'a b' }), topic({}), topic({})], kafka)).toEqual([
      'Two topic classes are named `a`. Declare it once.',
      'Expected `topicName` to be a topic name of letters, digits, `.`, `_` and `-`, at most 249, got `a b` (string).',
    ]);
  });

  it.each([
    [
      'schemaRegistryUrl',
      { schemaRegistryUrl: 'localhost:8081' },
      'Expected `memory.schemaRegistryUrl` to be URLs of http or https',
    ],
    [
      'schemaRegistryCertfile',
      { schemaRegistryUrl: 'http://a', schemaRegistryCertfile: 'x' },
      '`memory.schemaRegistryCertfile` and `memory.schemaRegistryKeyfile` belong together.',
    ],
    [
      'schemaRegistryToken',
      { schemaRegistryUrl: 'http://a', schemaRegistryToken: 'x', schemaRegistryUsername: 'y' },
      '`memory.schemaRegistryToken` and a user with a password cannot be used together.',
    ],
    [
      'schemaRegistryUsername',
      { schemaRegistryUsername: 'y' },
      '`memory.schemaRegistryUsername` has no effect without `memory.schemaRegistryUrl`. Set the URL, or remove it.',
    ],
  ])('registry options that no request could use: %s', async (_name, memory, fault) => {
    expect(await faultsOf([], { memory })).toEqual([expect.stringContaining(fault)]);
  });
});
