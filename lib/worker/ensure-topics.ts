import { ConfigurationError } from '../core/errors.js';
import type { TopicAdmin, TopicDescription, TopicSpec } from '../driver/driver.js';
import { deadLetterTopicOf } from '../topic/topic-names.js';
import type { TopicClass } from '../topic/topic.js';
import type { HandlerDefinition } from './handler-definition.js';
import { topicDrift, type TopicDrift } from './topic-drift.js';

export interface WantedTopics {
  readonly handlers: readonly HandlerDefinition[];
  readonly classes: readonly TopicClass[];
  /** Read by hand. */
  readonly streamed?: readonly string[];
}

/** A topic that takes messages over from another: it gets as many partitions, so that each message keeps its own. */
interface Follower {
  readonly topic: string;
  readonly source: string;
}

/**
 * Creates what is missing, or reports it. An existing topic is never altered: where it is not as its class says, the result tells.
 *
 * @throws ConfigurationError in mode `verify` when a topic is missing, and when one cannot be what its class says.
 */
export async function ensureTopics(
  admin: TopicAdmin,
  mode: 'create' | 'verify' | false,
  wanted: WantedTopics,
): Promise<readonly TopicDrift[]> {
  if (mode === false) return [];
  const specs = specsOf(wanted);
  const streamed = wanted.streamed ?? [];
  const unreadable = streamed.map((source) => ({ topic: deadLetterTopicOf(source), source }));
  const followers = [...wanted.handlers.flatMap(followersOf), ...unreadable].filter(({ topic }) => !specs.has(topic));
  const names = [...new Set([...specs.keys(), ...followers.map(({ topic }) => topic)])];
  if (names.length === 0) return [];
  const found = await admin.describe(names);
  const refused = found.flatMap((topic) => refusal(admin, specs.get(topic.topic), topic));
  if (refused.length > 0) throw new ConfigurationError(refused);
  const drift = await topicDrift(admin, specs, found);
  const existing = new Set(found.map(({ topic }) => topic));
  const missing = names.filter((name) => !existing.has(name));
  if (missing.length === 0) return drift;
  if (mode === 'verify') throw new ConfigurationError(missing.map(missingTopic));
  await admin.create([...specs.values()].filter(({ topic }) => missing.includes(topic)));
  await admin.create(
    await followerSpecs(
      admin,
      followers.filter(({ topic }) => missing.includes(topic)),
    ),
  );
  return drift;
}

function specsOf({ handlers, classes, streamed = [] }: WantedTopics): Map<string, TopicSpec> {
  const specs = new Map<string, TopicSpec>(streamed.map((topic) => [topic, { topic }]));
  for (const { topic, outputTopic } of handlers)
    for (const name of [topic, outputTopic]) if (name !== undefined) specs.set(name, { topic: name });
  for (const declared of [...classes, ...handlers.flatMap(({ topicClasses }) => topicClasses)])
    specs.set(declared.topicName, specOf(declared));
  return specs;
}

function specOf({ topicName, partitions, replicationFactor, retentionMs, cleanupPolicy }: TopicClass): TopicSpec {
  return { topic: topicName, partitions, replicationFactor, retentionMs, cleanupPolicy };
}

function followersOf({ topic: source, deadLetter, retryTopics }: HandlerDefinition): Follower[] {
  const names = [...(deadLetter.kind === 'topic' ? [deadLetter.topic] : []), ...retryTopics.keys()];
  return names.map((topic) => ({ topic, source }));
}

async function followerSpecs(admin: TopicAdmin, followers: readonly Follower[]): Promise<TopicSpec[]> {
  if (followers.length === 0) return [];
  const sources = await admin.describe([...new Set(followers.map(({ source }) => source))]);
  const partitionsOf = new Map(sources.map(({ topic, partitions }) => [topic, partitions]));
  const specs = followers.map(({ topic, source }) => ({ topic, partitions: partitionsOf.get(source) }));
  return [...new Map(specs.map((spec) => [spec.topic, spec])).values()];
}

function refusal(admin: TopicAdmin, spec: TopicSpec | undefined, found: TopicDescription): string[] {
  const reason = spec && admin.refusal?.(spec, found);
  return reason === undefined ? [] : [reason];
}

function missingTopic(name: string): string {
  return `Topic \`${name}\` does not exist, and \`ensureTopics\` is 'verify'. Create it, or set \`ensureTopics: 'create'\`.`;
}
