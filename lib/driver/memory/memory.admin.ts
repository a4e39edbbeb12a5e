import { UnsupportedByBrokerError } from '../../core/errors.js';
import type { MemoryBroker } from '../../memory-broker/memory-broker.js';
import type { TopicAdmin, TopicDescription, TopicSettings, TopicSpec } from '../driver.js';

export class MemoryAdmin implements TopicAdmin {
  constructor(
    private readonly broker: MemoryBroker,
    private readonly defaultPartitions: number,
  ) {}

  async describe(topics: readonly string[]): Promise<readonly TopicDescription[]> {
    return topics.flatMap((name) => {
      const topic = this.broker.topic(name);
      return topic ? [{ topic: name, partitions: topic.logs.length }] : [];
    });
  }

  async settings(topics: readonly string[]): Promise<readonly TopicSettings[]> {
    return topics.map((topic) => ({ topic, retentionMs: this.broker.topic(topic)?.retentionMs }));
  }

  async create(topics: readonly TopicSpec[]): Promise<void> {
    for (const { topic, partitions = this.defaultPartitions, retentionMs, configs = {} } of topics) {
      const [name] = Object.keys(configs);
      if (name !== undefined)
        throw new UnsupportedByBrokerError(
          `The embedded broker has no topic setting \`${name}\`. Leave it out, or create the topic \`${topic}\` elsewhere.`,
          { topic },
        );
      this.broker.createTopic(topic, partitions, retentionMs);
    }
  }
}
