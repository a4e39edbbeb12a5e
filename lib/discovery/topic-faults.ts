import type { Features } from '../driver/driver.js';
import type { ResolvedConnection } from '../options/connection.options.js';
import type { ResolvedHandlerOptions } from '../options/handler.options.js';
import { expected } from '../options/resolve-options.js';
import { topicNameOf, type TopicClass, type TopicRef } from '../topic/topic.js';
import type { HandlerDefinition } from '../worker/handler-definition.js';
import type { DefinitionParts } from './define-handler.js';

/** A missing topic, and names that the broker does not take. */
export function topicFaults(own: ResolvedHandlerOptions, name: string, features: Features | undefined): string[] {
  const missing = own.topic === undefined ? [expected(`${name}.topic`, 'a topic', undefined)] : [];
  const refs = Object.entries({ topic: own.topic, outputTopic: own.outputTopic, dlqTopic: own.dlqTopic });
  const pattern = features?.topicName;
  const wrong = refs.filter((entry): entry is [string, TopicRef] => {
    const [, ref] = entry;
    return ref !== undefined && pattern !== undefined && !pattern.test(topicNameOf(ref));
  });
  return [...missing, ...wrong.map(([option, ref]) => expected(`${name}.${option}`, TOPIC_NAME, topicNameOf(ref)))];
}

/** Topics of `forFeature`, which belong to the default connection: names that it does not take, and Avro without a registry. */
export function declaredFaults(topics: readonly TopicClass[], { options, features }: DefinitionParts): string[] {
  const connection = options.connections.get(options.broker);
  if (!connection) return [];
  const { topicName: pattern } = features(connection);
  const names = topics.map(({ topicName }) => topicName).filter((name) => pattern !== undefined && !pattern.test(name));
  return [
    ...names.map((name) => expected('topicName', TOPIC_NAME, name)),
    ...topics.flatMap((topic) => missingRegistry(topic, connection, features)),
  ];
}

/** Topics of a handler that are written as Avro where nothing can be registered. */
export function avroFaults(
  { refs, connection: name }: HandlerDefinition,
  { options, features }: DefinitionParts,
): string[] {
  const connection = options.connections.get(name);
  const classes = [refs.topic, refs.outputTopic].filter(
    (ref): ref is TopicClass => typeof ref === 'object' || typeof ref === 'function',
  );
  return connection ? classes.flatMap((topic) => missingRegistry(topic, connection, features)) : [];
}

function missingRegistry(
  { topicName, format }: TopicClass,
  connection: ResolvedConnection,
  features: DefinitionParts['features'],
): string[] {
  if (format !== 'avro' || connection.kind !== 'kafka' || !features(connection).remote) return [];
  if (connection.options.schemaRegistryUrl !== undefined) return [];
  return [
    `Topic \`${topicName}\` is written as Avro, and connection \`${connection.name}\` has no schema registry. Set \`schemaRegistryUrl\` (KAFKA_SCHEMA_REGISTRY_URL), or the topic's \`format\` to 'json'.`,
  ];
}

const TOPIC_NAME = 'a topic name of letters, digits, `.`, `_` and `-`, at most 249';
