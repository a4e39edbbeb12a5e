import { ConfigurationError } from '../core/errors.js';
import { avroModelOf } from '../serialization/avro/avro-model.js';
import type { PayloadClass, TopicClass } from './topic.js';

const POLICIES = ['delete', 'compact', 'compact,delete'];
const FORMATS = ['json', 'avro'];
const VALIDATIONS = [true, false, 'send', 'receive'];

/** What is wrong with a topic class, beside its name: told at start, whether or not the compiler has seen it. */
export function topicClassFaults(topic: TopicClass): string[] {
  return [...valueFaults(topic), ...schemaFaults(topic)];
}

function valueFaults(topic: TopicClass): string[] {
  const { topicName, cleanupPolicy, format = 'json', validation = true } = topic;
  const numbers = (['partitions', 'replicationFactor', 'retentionMs'] as const).filter(
    (name) => topic[name] !== undefined && !isCount(topic[name], name),
  );
  return [
    ...numbers.map((name) => expected(topicName, name, 'an integer ≥ 1', topic[name])),
    ...(POLICIES.includes(cleanupPolicy) ? [] : [expected(topicName, 'cleanupPolicy', oneOf(POLICIES), cleanupPolicy)]),
    ...(FORMATS.includes(format) ? [] : [expected(topicName, 'format', oneOf(FORMATS), format)]),
    ...(VALIDATIONS.includes(validation) ? [] : [expected(topicName, 'validation', oneOf(VALIDATIONS), validation)]),
  ];
}

/** -1 is Kafka's word for a retention without end. */
function isCount(value: unknown, name: string): boolean {
  return Number.isInteger(value) && ((value as number) >= 1 || (name === 'retentionMs' && value === -1));
}

function schemaFaults({ topicName, schema, keySchema, format }: TopicClass): string[] {
  if (schema !== undefined && typeof schema !== 'function') return [expected(topicName, 'schema', 'a class', schema)];
  return [
    ...(format === 'avro' ? modelFaults(topicName, 'schema', schema) : buildFaults(schema)),
    ...(typeof keySchema === 'function' ? modelFaults(topicName, 'keySchema', keySchema) : []),
  ];
}

function modelFaults(topic: string, name: string, type: PayloadClass | undefined): readonly string[] {
  if (type === undefined)
    return [`Topic \`${topic}\` has \`format\` 'avro' and no \`schema\`. Set it to a class with @AvroModel.`];
  const faults = buildFaults(type);
  if (faults.length > 0 || avroModelOf(type)) return faults;
  return [
    `Topic \`${topic}\` is written as Avro, but its \`${name}\`, class \`${type.name}\`, has no @AvroModel. Decorate it: @AvroModel({ namespace: '…' }).`,
  ];
}

/** What the class's own schema says when it is made. */
function buildFaults(type: PayloadClass | undefined): readonly string[] {
  try {
    if (type) avroModelOf(type);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

function expected(topic: string, name: string, rule: string, value: unknown): string {
  return `Expected \`${name}\` of topic \`${topic}\` to be ${rule}, got \`${String(value)}\` (${typeof value}).`;
}

function oneOf(values: readonly unknown[]): string {
  return `one of ${values.map((value) => `\`${String(value)}\``).join(', ')}`;
}
