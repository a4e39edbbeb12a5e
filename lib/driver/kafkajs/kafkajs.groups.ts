import type { Admin, GroupDescription, Kafka } from 'kafkajs';
import { sleep } from '../../core/clock.js';
import { BrokerError, GroupInUseError, UnknownGroupError, UnknownTopicError } from '../../core/errors.js';
import {
  lagOf,
  type GroupDetails,
  type GroupPartition,
  type PartitionDetails,
  type PartitionPosition,
} from '../broker-admin.js';
import type { DriverContext } from '../driver.js';
import type { KafkajsAdmin } from './kafkajs.admin.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { KafkajsModule } from './kafkajs.client.js';
import { toMessagingError } from './kafkajs.errors.js';
import { moveGroup } from './move-group.js';

const MOVES = 10;
const MOVE_PAUSE_MS = 500;
/** The protocol's word for "no position". */
const NONE = '-1';
/** Groups of readers, and those that only keep positions; Connect and others have protocols of their own. */
const READERS = new Set(['consumer', '']);

/** A partition of a topic, in one text. */
const nameOf = (topic: string, partition: number) => `${partition}/${topic}`;

export interface BrokerAdminParts {
  readonly kafkajs: KafkajsModule;
  readonly client: Kafka;
  readonly admin: KafkajsAdmin;
  readonly options: ResolvedKafkaOptions;
  readonly context: DriverContext;
}

interface GroupState {
  readonly state: string;
  readonly members: number | null;
  /** Which client has which partition. */
  readonly readers: ReadonlyMap<string, string>;
  readonly topics: readonly string[];
}

/** Consumer groups: who is in them, and where they are. */
export class KafkajsGroups {
  private readonly kafkajs: KafkajsModule;
  private readonly client: Kafka;
  private readonly admin: KafkajsAdmin;
  private readonly context: DriverContext;

  constructor(
    parts: BrokerAdminParts,
    private readonly partitionsOf: (topic: string) => Promise<readonly PartitionDetails[]>,
  ) {
    this.kafkajs = parts.kafkajs;
    this.client = parts.client;
    this.admin = parts.admin;
    this.context = parts.context;
  }

  async list(): Promise<readonly string[]> {
    const { groups } = await this.ask((admin) => admin.listGroups());
    const own = groups.filter(({ protocolType }) => READERS.has(protocolType));
    return own.map(({ groupId }) => groupId).toSorted();
  }

  async describe(groupId: string): Promise<GroupDetails> {
    const { state, members, readers, topics } = await this.stateOf(groupId);
    const positions = await this.positionsOf(groupId);
    const names = [...new Set([...topics, ...positions.keys()])].toSorted();
    const partitions = await Promise.all(
      names.map((topic) => this.describePartitions(topic, positions.get(topic) ?? new Map(), readers)),
    );
    return { groupId, state, members, partitions: partitions.flat() };
  }

  /** A commit can be overtaken by a member that joins meanwhile, so what came of it is read back. */
  async seek(
    groupId: string,
    topic: string,
    positions: readonly PartitionPosition[],
  ): Promise<readonly PartitionPosition[]> {
    const known = await this.stateOf(groupId).catch(ifUnknown(undefined));
    if (known && known.members !== 0) throw new GroupInUseError(groupId, known.members, { topic });
    if (positions.length === 0) return [];
    await this.move(groupId, topic, positions);
    const now = (await this.positionsOf(groupId)).get(topic) ?? new Map<number, string>();
    const found = positions.map(({ partition }) => ({ partition, offset: now.get(partition) ?? NONE }));
    const wrong = found.find(({ offset }, index) => offset !== positions[index]?.offset);
    if (wrong)
      throw new BrokerError(
        `Group \`${groupId}\` is at ${wrong.offset} in partition ${wrong.partition} of \`${topic}\` after it was moved elsewhere. See that nothing joins it, and try again.`,
        { connection: this.context.connection, groupId, topic, retryable: true },
      );
    return found;
  }

  /** A coordinator that has just started loads its groups first, and says so. */
  private async move(groupId: string, topic: string, positions: readonly PartitionPosition[]): Promise<void> {
    const { connection, clock } = this.context;
    for (let attempt = 1; ; attempt++) {
      try {
        return await moveGroup(this.client, groupId, topic, positions);
      } catch (thrown) {
        const error = toMessagingError(thrown, { connection, groupId });
        if (!error.retryable || attempt === MOVES) throw error;
        await sleep(clock, MOVE_PAUSE_MS);
      }
    }
  }

  async delete(groupId: string): Promise<void> {
    const { members } = await this.stateOf(groupId);
    if (members !== 0) throw new GroupInUseError(groupId, members);
    await this.ask((admin) => admin.deleteGroups([groupId]));
  }

  /** A group of the newer protocol (KIP-848) is dead to kafkajs, and listed all the same. @throws UnknownGroupError */
  private async stateOf(groupId: string): Promise<GroupState> {
    const { groups } = await this.ask((admin) => admin.describeGroups([groupId]));
    const group = groups[0];
    if (group && group.state !== 'Dead') return this.seen(group);
    if (!(await this.list()).includes(groupId)) throw new UnknownGroupError(groupId);
    return { state: 'unknown', members: null, readers: new Map(), topics: [] };
  }

  private seen({ state, members }: GroupDescription): GroupState {
    const { MemberAssignment } = this.kafkajs.AssignerProtocol;
    const readers = new Map<string, string>();
    const topics = new Set<string>();
    for (const { clientId, clientHost, memberAssignment } of members) {
      const { assignment = {} } = memberAssignment.length > 0 ? (MemberAssignment.decode(memberAssignment) ?? {}) : {};
      for (const [topic, partitions] of Object.entries(assignment)) {
        topics.add(topic);
        for (const partition of partitions) readers.set(nameOf(topic, partition), `${clientId}@${hostOf(clientHost)}`);
      }
    }
    return { state: wordsOf(state), members: members.length, readers, topics: [...topics] };
  }

  private async positionsOf(groupId: string): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    const topics = await this.ask((admin) => admin.fetchOffsets({ groupId }));
    const known = topics.map(({ topic, partitions }) => {
      const kept = partitions.filter(({ offset }) => offset !== NONE);
      return [topic, new Map(kept.map(({ partition, offset }) => [partition, offset]))] as const;
    });
    return new Map(known.filter(([, positions]) => positions.size > 0));
  }

  /** A topic that was deleted has left its positions behind: there is nothing to show. */
  private async describePartitions(
    topic: string,
    positions: ReadonlyMap<number, string>,
    readers: ReadonlyMap<string, string>,
  ): Promise<GroupPartition[]> {
    const partitions = await this.partitionsOf(topic).catch(ifUnknown([]));
    return partitions.map(({ partition, start, end }) => {
      const position = positions.get(partition) ?? null;
      const member = readers.get(nameOf(topic, partition)) ?? null;
      return { topic, partition, position, start, end, lag: lagOf(position, start, end), member };
    });
  }

  private ask<Answer>(question: (admin: Admin) => Promise<Answer>, topic?: string): Promise<Answer> {
    return this.admin.ask(topic, question);
  }
}

function ifUnknown<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof UnknownGroupError || error instanceof UnknownTopicError) return instead;
    throw error;
  };
}

/** `/127.0.0.1` as the broker writes it. */
function hostOf(clientHost: string): string {
  return clientHost.replace(/^\//, '');
}

/** `PreparingRebalance` → `preparing rebalance` */
function wordsOf(state: string): string {
  return state.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}
