import type { Redis } from 'ioredis';
import { UnsupportedByBrokerError, type MessagingError } from '../../core/errors.js';
import type { DriverContext, TopicAdmin, TopicDescription, TopicSettings, TopicSpec } from '../driver.js';
import { toMessagingError } from './redis.errors.js';
import { lagOf, type GroupLag } from './lag.js';
import type { RedisTopics } from './redis.topics.js';

export class RedisAdmin implements TopicAdmin {
  constructor(
    private readonly client: Redis,
    private readonly topics: RedisTopics,
    private readonly context: DriverContext,
  ) {}

  async describe(names: readonly string[]): Promise<readonly TopicDescription[]> {
    const found = await Promise.all([...new Set(names)].map((name) => this.ask(name, () => this.topics.find(name))));
    return found.flatMap((topic) => (topic ? [{ topic: topic.name, partitions: topic.partitions }] : []));
  }

  /** Of a topic that another program made nothing is declared. */
  async settings(names: readonly string[]): Promise<readonly TopicSettings[]> {
    const found = await Promise.all(names.map((name) => this.ask(name, () => this.topics.find(name))));
    return found.flatMap((topic) => (topic ? [{ topic: topic.name, retentionMs: topic.retentionMs }] : []));
  }

  /** The number of partitions decides where the messages of a key lie, and how far their order reaches. */
  refusal(spec: TopicSpec, found: TopicDescription): string | undefined {
    const { topic, partitions } = spec;
    const impossible = noSuchTopic(spec);
    if (impossible !== undefined) return impossible;
    if (partitions === undefined || partitions === found.partitions) return undefined;
    return `Topic \`${topic}\` is declared with \`partitions\` ${partitions}, and has ${found.partitions} on the server. Declare ${found.partitions}, or take a new topic.`;
  }

  /** How far a group is behind, as it is: counted, and not what the server says of itself (redis#13957). */
  async lag(name: string, groupId: string): Promise<GroupLag> {
    return this.ask(name, async () => {
      const topic = await this.topics.get(name);
      const parts = await Promise.all(topic.streams.map((stream) => lagOf(this.client, stream, groupId)));
      return parts.reduce((sum, one) => ({
        undelivered: sum.undelivered + one.undelivered,
        isExact: sum.isExact && one.isExact,
        pending: sum.pending + one.pending,
      }));
    });
  }

  async create(specs: readonly TopicSpec[]): Promise<void> {
    for (const spec of specs) {
      const impossible = noSuchTopic(spec);
      if (impossible !== undefined) throw this.unsupported(spec.topic, impossible);
    }
    for (const spec of specs) await this.ask(spec.topic, () => this.topics.create(spec));
  }

  private unsupported(topic: string, text: string): MessagingError {
    const { connection } = this.context;
    return new UnsupportedByBrokerError(text, { connection, topic });
  }

  async ask<Answer>(topic: string | undefined, question: () => Promise<Answer>): Promise<Answer> {
    try {
      return await question();
    } catch (thrown) {
      throw toMessagingError(thrown, { connection: this.context.connection, topic });
    }
  }
}

/** Why Redis can have no such topic. */
function noSuchTopic({ topic, cleanupPolicy, replicationFactor = 1, configs = {} }: TopicSpec): string | undefined {
  const [name] = Object.keys(configs);
  if (cleanupPolicy?.includes('compact')) return notCompacted(topic);
  if (replicationFactor > 1) return notReplicated(topic, replicationFactor);
  return name === undefined ? undefined : noSetting(topic, name);
}

function notReplicated(topic: string, copies: number): string {
  return `Topic \`${topic}\` wants \`replicationFactor\` ${copies}, which Redis has not: its replicas copy all that it holds. Leave it out, and set replicas up in Redis.`;
}

function notCompacted(topic: string): string {
  return `Topic \`${topic}\` wants \`cleanupPolicy\` compact, which Redis Streams have not. Keep the newest values in a hash, or extend EventTopic or CommandTopic.`;
}

function noSetting(topic: string, name: string): string {
  return `Redis Streams have no topic setting \`${name}\`. Leave it out; \`partitions\` and \`retentionMs\` are all that topic \`${topic}\` can have.`;
}
