import type { Redis } from 'ioredis';
import { BrokerError, GroupInUseError, UnknownGroupError } from '../../core/errors.js';
import { offsetAfter, offsetBefore } from '../../core/offset.js';
import type { GroupDetails, GroupPartition, PartitionDetails, PartitionPosition } from '../broker-admin.js';
import type { DriverContext } from '../driver.js';
import { countScript, destroyGroupScript, groupStateScript, seekScript } from './lua/inspect.js';
import type { RedisKeys } from './redis.keys.js';
import { runScript } from './redis.scripts.js';
import type { RedisTopic } from './redis.topics.js';

export interface RedisGroupsParts {
  readonly client: Redis;
  readonly keys: RedisKeys;
  readonly context: DriverContext;
  /** All topics of the server. */
  readonly topics: () => Promise<readonly RedisTopic[]>;
  /** A member that has not been heard of for so long, in ms, is none any more. */
  readonly silentMs: number;
  readonly partitionsOf: (topic: RedisTopic) => Promise<readonly PartitionDetails[]>;
}

/** A group on one stream. */
interface GroupState {
  /** Before all that is pending, or behind the last message that a member got. */
  readonly position: string;
  /** Behind the last message that a member got. */
  readonly undelivered: string;
  readonly pending: number;
  readonly live: readonly string[];
  readonly owner: string;
}

const COUNT = 10_000;

/** Consumer groups: who is in them, and where they are. A group is made for each stream, so its name on several is one group to people. */
export class RedisGroups {
  private looking: Promise<ReadonlyMap<string, readonly RedisTopic[]>> | undefined;

  constructor(private readonly parts: RedisGroupsParts) {}

  async list(): Promise<readonly string[]> {
    return [...(await this.places()).keys()].toSorted();
  }

  /** @throws UnknownGroupError */
  async describe(groupId: string): Promise<GroupDetails> {
    const live = new Set<string>();
    const partitions: GroupPartition[] = [];
    const topics = (await this.places()).get(groupId) ?? [];
    const found = await Promise.all(
      topics.map(async (topic) => ({ topic, states: await this.statesOf(topic, groupId) })),
    );
    for (const { topic, states } of found) {
      for (const name of states.flatMap((state) => state?.live ?? [])) live.add(name);
      if (states.some((state) => state !== undefined)) partitions.push(...(await this.describeOn(topic, states)));
    }
    if (partitions.length === 0) throw new UnknownGroupError(groupId, { connection: this.parts.context.connection });
    return { groupId, state: live.size > 0 ? 'stable' : 'empty', members: live.size, partitions };
  }

  /** @throws GroupInUseError */
  async seek(
    groupId: string,
    topic: RedisTopic,
    positions: readonly PartitionPosition[],
  ): Promise<readonly PartitionPosition[]> {
    for (const { partition, offset } of positions) await this.move(groupId, topic, { partition, offset });
    const states = await this.statesOf(topic, groupId);
    const found = positions.map(({ partition }) => ({ partition, offset: states[partition]?.position ?? '-' }));
    const wrong = found.find(({ offset }, index) => offset !== positions[index]?.offset);
    if (!wrong) return found;
    const text = `Group \`${groupId}\` is at ${wrong.offset} in partition ${wrong.partition} of \`${topic.name}\` after it was moved elsewhere. See that nothing joins it, and try again.`;
    throw new BrokerError(text, { ...this.about(groupId, topic), retryable: true });
  }

  /** @throws UnknownGroupError, GroupInUseError */
  async delete(groupId: string): Promise<void> {
    const { members, partitions } = await this.describe(groupId);
    if (members !== 0) throw new GroupInUseError(groupId, members);
    const names = new Set(partitions.map(({ topic }) => topic));
    for (const topic of await this.parts.topics()) if (names.has(topic.name)) await this.destroyOn(topic, groupId);
  }

  /** @throws GroupInUseError while a member reads the topic: it would make it again. */
  async assertUnread(topic: RedisTopic): Promise<readonly string[]> {
    const groups = [...(await this.namesOf(topic))];
    for (const groupId of groups) {
      const states = await this.statesOf(topic, groupId);
      const live = new Set(states.flatMap((state) => state?.live ?? []));
      if (live.size > 0) throw new GroupInUseError(groupId, live.size, this.about(groupId, topic));
    }
    return groups;
  }

  /** The topics of each group. All topics have to be asked for that, so the questions of one tick share the answer. */
  private places(): Promise<ReadonlyMap<string, readonly RedisTopic[]>> {
    this.looking ??= new Promise(setImmediate).then(() => {
      this.looking = undefined;
      return this.look();
    });
    return this.looking;
  }

  private async look(): Promise<ReadonlyMap<string, readonly RedisTopic[]>> {
    const topics = await this.parts.topics();
    const found = await Promise.all(topics.map(async (topic) => [topic, await this.namesOf(topic)] as const));
    const places = new Map<string, RedisTopic[]>();
    for (const [topic, names] of found)
      for (const name of names) {
        const own = places.get(name) ?? [];
        places.set(name, own);
        own.push(topic);
      }
    return places;
  }

  private async namesOf({ streams }: RedisTopic): Promise<ReadonlySet<string>> {
    const names = await Promise.all(streams.map((stream) => this.namesOn(stream)));
    return new Set(names.flat());
  }

  private async namesOn(stream: string): Promise<string[]> {
    const groups = (await this.parts.client.xinfo('GROUPS', stream).catch(noneIfMissing)) as string[][];
    return groups.map((group) => group[1] as string);
  }

  private statesOf(topic: RedisTopic, groupId: string): Promise<(GroupState | undefined)[]> {
    return Promise.all(topic.streams.map((stream, index) => this.stateOf(stream, index, { topic, groupId })));
  }

  private async stateOf(
    stream: string,
    index: number,
    { topic, groupId }: { readonly topic: RedisTopic; readonly groupId: string },
  ): Promise<GroupState | undefined> {
    const answer = await runScript(this.parts.client, groupStateScript, this.keysOf(stream, topic, groupId), [
      groupId,
      index,
      this.parts.silentMs,
    ]);
    const [last, pending = 0, oldest, live = [], owner] = answer as [Buffer?, number?, Buffer?, Buffer[]?, Buffer?];
    if (!last) return undefined;
    const undelivered = offsetAfter(String(last));
    const position = pending > 0 ? String(oldest) : undelivered;
    return { position, undelivered, pending, live: live.map(String), owner: String(owner) };
  }

  private async describeOn(topic: RedisTopic, states: readonly (GroupState | undefined)[]): Promise<GroupPartition[]> {
    const partitions = await this.parts.partitionsOf(topic);
    return Promise.all(
      partitions.map(async ({ partition, start, end }) => {
        const state = states[partition];
        const about = { topic: topic.name, partition, start, end };
        if (!state) return { ...about, position: null, lag: null, member: null };
        const undelivered = await this.count(topic.streams[partition] as string, state.undelivered);
        return { ...about, position: state.position, lag: undelivered + state.pending, member: readerOf(topic, state) };
      }),
    );
  }

  /** In steps, so that the server does other things between them. */
  private async count(stream: string, from: string): Promise<number> {
    let sum = 0;
    for (let first = from; ;) {
      const answer = await runScript(this.parts.client, countScript, [stream], [first, COUNT]);
      const [count, last] = answer as [number, Buffer];
      sum += count;
      if (count < COUNT) return sum;
      first = offsetAfter(String(last));
    }
  }

  private async move(groupId: string, topic: RedisTopic, { partition, offset }: PartitionPosition): Promise<void> {
    const stream = topic.streams[partition];
    if (stream === undefined) return;
    const { client, keys, silentMs } = this.parts;
    const names = [stream, keys.members(topic.name, groupId), ...keys.progress(stream, groupId)];
    const live = await runScript(client, seekScript, names, [groupId, offsetBefore(offset), silentMs]);
    if (live !== 0) throw new GroupInUseError(groupId, live as number, this.about(groupId, topic));
  }

  private async destroyOn(topic: RedisTopic, groupId: string): Promise<void> {
    for (const stream of topic.streams) {
      const names = [...this.keysOf(stream, topic, groupId), ...this.parts.keys.progress(stream, groupId)];
      const live = await runScript(this.parts.client, destroyGroupScript, names, [groupId, this.parts.silentMs]);
      if (live !== 0) throw new GroupInUseError(groupId, live as number, this.about(groupId, topic));
    }
  }

  private keysOf(stream: string, { name }: RedisTopic, groupId: string): string[] {
    const { keys } = this.parts;
    return [stream, keys.members(name, groupId), keys.leases(name, groupId)];
  }

  private about(groupId: string, { name }: RedisTopic) {
    return { connection: this.parts.context.connection, groupId, topic: name };
  }
}

/** A topic with partitions may lack a stream, and one may go between two questions. */
function noneIfMissing(error: Error): [] {
  if (error.message.includes('no such key')) return [];
  throw error;
}

/** One member has a partition; a plain topic is read by all. */
function readerOf({ partitions }: RedisTopic, { live, owner }: GroupState): string | null {
  const readers = partitions > 1 ? live.filter((name) => name === owner) : live;
  return readers.length > 0 ? readers.join(', ') : null;
}
