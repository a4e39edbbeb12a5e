import type { Features } from '../driver/driver.js';
import type { ResolvedHandlerOptions } from '../options/handler.options.js';
import { expected } from '../options/resolve-options.js';
import { topicNameOf, type TopicClass, type TopicRef } from '../topic/topic.js';
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

/** Topics of `forFeature`, which belong to the default connection: names that it does not take. */
export function declaredFaults(topics: readonly TopicClass[], { options, features }: DefinitionParts): string[] {
  const connection = options.connections.get(options.broker);
  if (!connection) return [];
  const { topicName: pattern } = features(connection);
  const names = topics.map(({ topicName }) => topicName).filter((name) => pattern !== undefined && !pattern.test(name));
  return names.map((name) => expected('topicName', TOPIC_NAME, name));
}

const TOPIC_NAME = 'a topic name of letters, digits, `.`, `_` and `-`, at most 249';
