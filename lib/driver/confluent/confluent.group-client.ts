import { groupBy } from '../../core/group-by.js';
import type { PartitionPosition } from '../broker-admin.js';
import { hostOf, type GroupClient, type GroupState } from '../kafka/admin-client.js';
import { nameOf } from '../kafka/group-member.js';
import { TIMEOUT_MS } from './confluent.admin.js';
import type { AdminClientParts } from './confluent.admin-client.js';
import { clientConfig, connectNative, disconnectNative } from './confluent.client.js';
import { toMessagingError } from './confluent.errors.js';
import {
  promised,
  type NativeError,
  type NativeGroup,
  type NativeGroupDetails,
  type OffsetAnswer,
} from './confluent.native.js';

const READERS = new Set(['consumer', 'simple', '']);
const DEAD = 4;
const STATES: Readonly<Record<number, string>> = {
  1: 'preparing rebalance',
  2: 'completing rebalance',
  3: 'stable',
  5: 'empty',
};

/** Groups, asked through librdkafka, those of the newer protocol (KIP-848) too. */
export class ConfluentGroupClient implements GroupClient {
  constructor(private readonly parts: AdminClientParts) {}

  /** @throws unless every broker tells its groups */
  async list(): Promise<readonly string[]> {
    const { groups, errors } = await this.parts.admin.ask<{
      readonly groups: readonly NativeGroup[];
      readonly errors: readonly NativeError[];
    }>(undefined, (admin, done) => admin.listGroups({ timeout: TIMEOUT_MS }, done));
    const [error] = errors;
    if (error) throw this.wrap(error);
    return groups.filter(({ protocolType }) => READERS.has(protocolType)).map(({ groupId }) => groupId);
  }

  /**
   * Only of groups that are listed and whose coordinator answers: the addon ends the process (null as a text, in
   * `FromConsumerGroupDescription` of 1.10.1) when the answer for a group is an error, as of a coordinator that is away.
   */
  async state(groupId: string): Promise<GroupState | undefined> {
    if (!(await this.list()).includes(groupId)) return undefined;
    await this.positions(groupId);
    const { groups } = await this.parts.admin.ask<{ readonly groups: readonly NativeGroupDetails[] }>(
      undefined,
      (admin, done) => admin.describeGroups([groupId], { timeout: TIMEOUT_MS }, done),
    );
    const [group] = groups;
    return group === undefined || group.state === DEAD ? undefined : seen(group);
  }

  async positions(groupId: string): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    const [found] = await this.parts.admin.ask<
      readonly { readonly error?: Error; readonly partitions: readonly OffsetAnswer[] }[]
    >(undefined, (admin, done) => admin.listConsumerGroupOffsets([{ groupId }], { timeout: TIMEOUT_MS }, done));
    const { error, partitions = [] } = found ?? {};
    const wrong = error ?? partitions.find((one) => one.error)?.error;
    if (wrong) throw this.wrap(wrong, groupId);
    const kept = partitions.filter(({ offset }) => (offset ?? -1) >= 0);
    return new Map(
      [...groupBy(kept, ({ topic }) => topic)].map(([topic, own]) => [
        topic,
        new Map(own.map(({ partition, offset }) => [partition, String(offset)])),
      ]),
    );
  }

  /** As a client that is no member, which the coordinator takes while nobody is one. */
  async move(groupId: string, topic: string, positions: readonly PartitionPosition[]): Promise<void> {
    const { confluent, options, context } = this.parts;
    const config = { ...clientConfig(options), 'group.id': groupId, 'enable.auto.commit': false };
    const consumer = new confluent.KafkaConsumer(config);
    const native = positions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }));
    try {
      await connectNative(consumer, context);
      await promised((done) => consumer.commitCb(native, done)); // the disconnect waits for the answer, who asked reads it back
    } catch (thrown) {
      throw this.wrap(thrown, groupId);
    } finally {
      await disconnectNative(consumer);
    }
  }

  async delete(groupId: string): Promise<void> {
    const [deleted] = await this.parts.admin.ask<readonly { readonly error?: Error }[]>(undefined, (admin, done) =>
      admin.deleteGroups([groupId], { timeout: TIMEOUT_MS }, done),
    );
    if (deleted?.error) throw this.wrap(deleted.error, groupId);
  }

  private wrap(thrown: unknown, groupId?: string) {
    return toMessagingError(thrown, { connection: this.parts.context.connection, groupId });
  }
}

function seen({ state, members }: NativeGroupDetails): GroupState {
  const readers = new Map<string, string>();
  const topics = new Set<string>();
  for (const { clientId, clientHost, assignment } of members) {
    for (const one of assignment.topicPartitions) {
      topics.add(one.topic);
      readers.set(nameOf(one), `${clientId}@${hostOf(clientHost)}`);
    }
  }
  return { state: STATES[state] ?? 'unknown', members: members.length, readers, topics: [...topics] };
}
