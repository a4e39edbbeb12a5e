import type { Redis } from 'ioredis';
import { TopicTypeError, UnknownTopicError, UnsupportedByBrokerError } from '../../core/errors.js';
import { compareOffsets, offsetAfter } from '../../core/offset.js';
import type {
  BrokerAdmin,
  GroupDetails,
  PartitionDetails,
  PartitionPosition,
  PositionTarget,
  ReadRequest,
  ReadSink,
  ServerDetails,
  TopicDetails,
  TopicReader,
} from '../broker-admin.js';
import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import type { DriverContext } from '../driver.js';
import { peekScript } from './lua/inspect.js';
import type { RedisAdmin } from './redis.admin.js';
import type { EntryFormat } from './redis.fields.js';
import { META, type RedisKeys } from './redis.keys.js';
import { RedisGroups } from './redis.groups.js';
import { RedisReader } from './redis.reader.js';
import { runScript } from './redis.scripts.js';
import type { RedisTopic, RedisTopics } from './redis.topics.js';

export interface BrokerAdminParts {
  readonly client: Redis;
  /** A connection that may wait for messages, for each reader. */
  readonly createReader: () => Redis;
  readonly keys: RedisKeys;
  /** Of its own: the topics that people look at are none that this process has to look after. */
  readonly topics: RedisTopics;
  /** The driver's, which forgets what is deleted. */
  readonly known: RedisTopics;
  readonly admin: RedisAdmin;
  readonly format: EntryFormat;
  readonly options: ResolvedRedisOptions;
  readonly context: DriverContext;
}

/** Redis, as people and tools look at it. Offsets are entry ids; that of the next message is one behind the last. */
export class RedisBrokerAdmin implements BrokerAdmin {
  private readonly groups: RedisGroups;

  constructor(private readonly parts: BrokerAdminParts) {
    const topics = () => this.allTopics();
    const silentMs = parts.options.claimIdleMs * 2; // as long as members of ours count without a heartbeat
    this.groups = new RedisGroups({ ...parts, silentMs, topics, partitionsOf: (topic) => this.partitionsOf(topic) });
  }

  /** Behind the connection's address there is no other. */
  async listServers(): Promise<readonly ServerDetails[]> {
    return [];
  }

  async listTopics(): Promise<readonly string[]> {
    return (await this.allTopics()).map(({ name }) => name);
  }

  describeTopic(name: string): Promise<TopicDetails> {
    return this.ask(name, async (topic) => {
      const { retentionMs } = topic;
      const configs = retentionMs === undefined ? {} : { 'retention.ms': String(retentionMs) };
      return { topic: name, partitions: await this.partitionsOf(topic), configs };
    });
  }

  /** Also refused while members read it: they, and those who send, would make its streams again. */
  deleteTopic(name: string): Promise<void> {
    const { client, keys, known, topics } = this.parts;
    return this.ask(name, async (topic) => {
      const groups = await this.groups.assertUnread(topic);
      const own = groups.flatMap((group) => [
        keys.members(name, group),
        keys.leases(name, group),
        ...topic.streams.flatMap((stream) => keys.progress(stream, group)),
        keys.delayedOf(name, group),
      ]);
      await client.del(...topic.streams, keys.meta(name), keys.delayed(name), ...own);
      for (const one of [known, topics]) one.forget(name);
    });
  }

  addPartitions(name: string): Promise<void> {
    return this.ask(name, async ({ partitions }) => {
      throw new UnsupportedByBrokerError(
        `Topic \`${name}\` has ${partitions} partitions, and on Redis their number stays: keys would move while messages of theirs are unfinished. Create another topic, and send to that.`,
        { connection: this.parts.context.connection, topic: name },
      );
    });
  }

  listGroups(): Promise<readonly string[]> {
    return this.parts.admin.ask(undefined, () => this.groups.list());
  }

  describeGroup(groupId: string): Promise<GroupDetails> {
    return this.parts.admin.ask(undefined, () => this.groups.describe(groupId));
  }

  positionsAt(name: string, target: PositionTarget): Promise<readonly PartitionPosition[]> {
    return this.ask(name, async (topic) => {
      const partitions = await this.partitionsOf(topic);
      return Promise.all(partitions.map((one) => this.positionIn(topic, one, target)));
    });
  }

  seek(groupId: string, name: string, positions: readonly PartitionPosition[]): Promise<readonly PartitionPosition[]> {
    return this.ask(name, (topic) => this.groups.seek(groupId, topic, positions));
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.parts.admin.ask(undefined, () => this.groups.delete(groupId));
  }

  read(request: ReadRequest, sink: ReadSink): TopicReader {
    const { createReader, context, format, topics } = this.parts;
    const find = async () => (await topics.find(request.topic)) ?? topics.plain(request.topic);
    return new RedisReader({ client: createReader(), context, format, find, request, sink });
  }

  /** Streams, and what this library keeps beside them; a stream of a topic with partitions is no topic. */
  private async allTopics(): Promise<readonly RedisTopic[]> {
    const { keys, topics } = this.parts;
    const streams = await this.scan(keys.pattern(), 'stream');
    const metas = await this.scan(keys.pattern(META), 'hash');
    const found = await Promise.all(metas.map((key) => topics.find(keys.topicOf(key, META)).catch(ifNoStream)));
    const ours = found.flatMap((one) => one ?? []);
    const known = new Set(ours.flatMap((topic) => [...topic.streams]));
    const foreign = streams.filter((stream) => !known.has(stream)).map((stream) => topics.plain(keys.topicOf(stream)));
    return [...ours, ...foreign].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  private async scan(pattern: string, type: string): Promise<string[]> {
    const found = new Set<string>();
    for (let cursor = '0'; ;) {
      const [next, page] = await this.parts.client.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000, 'TYPE', type);
      for (const key of page) found.add(key);
      if (next === '0') return [...found];
      cursor = next;
    }
  }

  private partitionsOf({ streams }: RedisTopic): Promise<PartitionDetails[]> {
    const { client } = this.parts;
    return Promise.all(
      streams.map(async (stream, partition) => {
        const [[first], [last], messages] = await Promise.all([
          client.xrange(stream, '-', '+', 'COUNT', 1),
          client.xrevrange(stream, '+', '-', 'COUNT', 1),
          client.xlen(stream),
        ]);
        const [, newest] = (await runScript(client, peekScript, [stream], ['+', 1])) as [unknown, Buffer];
        const end = offsetAfter(last?.[0] ?? String(newest));
        return { partition, start: first?.[0] ?? end, end, messages };
      }),
    );
  }

  private async positionIn(
    { streams }: RedisTopic,
    { partition, start, end }: PartitionDetails,
    target: PositionTarget,
  ): Promise<PartitionPosition> {
    if ('at' in target) return { partition, offset: target.at === 'earliest' ? start : end };
    const from = 'time' in target ? String(Math.max(target.time, 0)) : target.offset;
    if (compareOffsets(from, end) >= 0) return { partition, offset: end };
    const [first] = await this.parts.client.xrange(streams[partition] as string, from, '+', 'COUNT', 1);
    return { partition, offset: first?.[0] ?? end };
  }

  private ask<Answer>(name: string, question: (topic: RedisTopic) => Promise<Answer>): Promise<Answer> {
    return this.parts.admin.ask(name, async () => {
      const topic = await this.parts.topics.find(name);
      if (topic) return question(topic);
      throw new UnknownTopicError(name, { connection: this.parts.context.connection });
    });
  }
}

/** Another program's hash, beside a key of its own. */
function ifNoStream(error: unknown): undefined {
  if (error instanceof TopicTypeError) return undefined;
  throw error;
}
