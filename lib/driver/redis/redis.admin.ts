import type { Redis } from 'ioredis';
import { UnsupportedByBrokerError, type MessagingError } from '../../core/errors.js';
import type { DriverContext, TopicAdmin, TopicDescription, TopicSpec } from '../driver.js';
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

  /** The number of partitions decides where the messages of a key lie, and how far their order reaches. */
  refusal({ topic, partitions, cleanupPolicy }: TopicSpec, found: TopicDescription): string | undefined {
    if (cleanupPolicy?.includes('compact')) return notCompacted(topic);
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
      if (spec.cleanupPolicy?.includes('compact')) throw this.unsupported(spec.topic, notCompacted(spec.topic));
      const [name] = Object.keys(spec.configs ?? {});
      if (name !== undefined) throw this.unsupported(spec.topic, noSetting(spec.topic, name));
      await this.ask(spec.topic, () => this.topics.create(spec));
    }
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

function notCompacted(topic: string): string {
  return `Topic \`${topic}\` wants \`cleanupPolicy\` compact, which Redis Streams have not. Keep the newest values in a hash, or extend EventTopic or CommandTopic.`;
}

function noSetting(topic: string, name: string): string {
  return `Redis Streams have no topic setting \`${name}\`. Leave it out; \`partitions\` and \`retentionMs\` are all that topic \`${topic}\` can have.`;
}
