import type { Features } from '../driver/driver.js';
import type { ResolvedHandlerOptions } from '../options/handler.options.js';
import { expected } from '../options/resolve-options.js';
import { isCompacted, topicNameOf, type TopicClass, type TopicRef } from '../topic/topic.js';
import type { DefinitionParts } from './define-handler.js';
import type { ProducerMetadata } from '../producer/producer-metadata.js';

/** A method with `@Producer`, and where it stands. */
export interface FoundProducer extends ProducerMetadata {
  readonly place: string;
}

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

/** Topics of `forFeature`, which belong to the default connection: names that it does not take. */
export function declaredFaults(topics: readonly TopicClass[], { options, features }: DefinitionParts): string[] {
  const connection = options.connections.get(options.broker);
  if (!connection) return [];
  const { topicName: pattern } = features(connection);
  const names = topics.map(({ topicName }) => topicName).filter((name) => pattern !== undefined && !pattern.test(name));
  return names.map((name) => expected('topicName', TOPIC_NAME, name));
}

/** Topics of `@Producer`: names that the broker does not take, and what would be sent without the key that it needs. */
export function producerFaults(producers: readonly FoundProducer[], { options, features }: DefinitionParts): string[] {
  return producers.flatMap(({ topic, broker, hasKey, place }) => {
    const connection = options.connections.get(broker ?? options.broker);
    const name = topicNameOf(topic);
    const isWrong = connection && features(connection).topicName?.test(name) === false;
    return [
      ...(isWrong ? [expected(`topic of @Producer at ${place}`, TOPIC_NAME, name)] : []),
      ...(isCompacted(topic) && !hasKey ? [keyless(name, place)] : []),
    ];
  });
}

function keyless(topic: string, place: string): string {
  return `@Producer at ${place} has no \`key\`, and its topic \`${topic}\` keeps the newest message of each key. Set \`key\` to a function of the message.`;
}

const TOPIC_NAME = 'a topic name of letters, digits, `.`, `_` and `-`, at most 249';
