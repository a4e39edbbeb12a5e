import type { Redis } from 'ioredis';
import { TopicTypeError, UnknownTopicError } from '../../core/errors.js';
import type { TopicSpec } from '../driver.js';
import { createStreamScript } from './lua/group.js';
import type { RedisKeys } from './redis.keys.js';
import { runScript } from './redis.scripts.js';

/** A topic as it is on the server. */
export interface RedisTopic {
  readonly name: string;
  /** One of a plain topic, which the members of a group share message by message. */
  readonly partitions: number;
  /** The key of each partition's stream. */
  readonly streams: readonly string[];
  /** The newest entry of each stream when it was looked up: what this process writes comes behind it. */
  readonly lastIds: readonly string[];
  /** How long messages are kept, in ms; undefined: as the connection says. */
  readonly retentionMs: number | undefined;
  /** Made by this library, and not by another program's XADD: only such a one is trimmed. */
  readonly isOurs: boolean;
}

export interface TopicsParts {
  readonly client: Redis;
  readonly keys: RedisKeys;
  readonly connection: string;
}

/**
 * What this process knows of the topics. A topic that was there once is never looked up again: when the server has lost its data,
 * sends make the stream anew instead of being refused.
 */
export class RedisTopics {
  private readonly known = new Map<string, RedisTopic>();
  private readonly looking = new Map<string, Promise<RedisTopic>>();

  constructor(private readonly parts: TopicsParts) {}

  /** The topics that this process has to do with. */
  get all(): Iterable<RedisTopic> {
    return this.known.values();
  }

  /** At once when it is known. @throws UnknownTopicError, TopicTypeError */
  get(name: string): RedisTopic | Promise<RedisTopic> {
    return this.known.get(name) ?? this.lookUp(name);
  }

  /** A topic that is not there yet: the first group makes its stream. */
  plain(name: string): RedisTopic {
    return this.toTopic(name, {});
  }

  /** Undefined when the topic does not exist. @throws TopicTypeError */
  async find(name: string): Promise<RedisTopic | undefined> {
    const { client, keys, connection } = this.parts;
    const meta = await client.hgetall(keys.meta(name));
    const topic = this.toTopic(name, meta);
    const [first = ''] = topic.streams;
    const type = await client.type(first);
    if (type !== 'stream' && type !== 'none') {
      const text = `Expected the key \`${first}\` to hold the stream of topic \`${name}\`, got a ${type}. Rename the topic, or remove that key.`;
      throw new TopicTypeError(text, { connection, topic: name });
    }
    if (type === 'none' && meta['partitions'] === undefined) return undefined;
    return this.remember(topic);
  }

  /** Makes what is missing; a topic that exists stays as it is. */
  async create({ topic: name, partitions = 1, retentionMs }: TopicSpec): Promise<RedisTopic> {
    const { client, keys } = this.parts;
    const found = await this.find(name);
    if (found) return found;
    await client.hsetnx(keys.meta(name), 'partitions', partitions);
    if (retentionMs !== undefined) await client.hsetnx(keys.meta(name), 'retentionMs', retentionMs);
    const topic = this.toTopic(name, await client.hgetall(keys.meta(name)));
    await Promise.all(topic.streams.map((stream) => runScript(client, createStreamScript, [stream], [])));
    return this.remember(topic);
  }

  /** It was deleted. */
  forget(name: string): void {
    this.known.delete(name);
  }

  /** After the server lost its data. */
  async restore({ name, partitions, retentionMs, isOurs }: RedisTopic): Promise<void> {
    const { client, keys } = this.parts;
    if (isOurs) await client.hsetnx(keys.meta(name), 'partitions', partitions);
    if (retentionMs !== undefined) await client.hsetnx(keys.meta(name), 'retentionMs', retentionMs);
  }

  private lookUp(name: string): Promise<RedisTopic> {
    const pending = this.looking.get(name);
    if (pending) return pending;
    const search = this.search(name).finally(() => this.looking.delete(name));
    this.looking.set(name, search);
    return search;
  }

  private async search(name: string): Promise<RedisTopic> {
    const topic = await this.find(name);
    if (topic) return topic;
    throw new UnknownTopicError(name, { connection: this.parts.connection });
  }

  private async remember(topic: RedisTopic): Promise<RedisTopic> {
    const newest = await Promise.all(
      topic.streams.map((stream) => this.parts.client.xrevrange(stream, '+', '-', 'COUNT', 1)),
    );
    const found = { ...topic, lastIds: newest.map(([entry]) => entry?.[0] ?? '0-0') };
    this.known.set(topic.name, found);
    return found;
  }

  private toTopic(name: string, meta: Readonly<Record<string, string>>): RedisTopic {
    const partitions = Number(meta['partitions'] ?? 1);
    const retentionMs = meta['retentionMs'] === undefined ? undefined : Number(meta['retentionMs']);
    const streams = this.parts.keys.streams(name, partitions);
    return { name, partitions, streams, lastIds: [], retentionMs, isOurs: meta['partitions'] !== undefined };
  }
}
