import type { Admin, GroupDescription } from 'kafkajs';
import type { PartitionPosition } from '../broker-admin.js';
import { hostOf, type GroupClient, type GroupState } from '../kafka/admin-client.js';
import { nameOf } from '../kafka/group-member.js';
import type { AdminClientParts } from './kafkajs.admin-client.js';
import { toMessagingError } from './kafkajs.errors.js';
import { moveGroup } from './move-group.js';

/** The protocol's word for "no position". */
const NONE = '-1';
const READERS = new Set(['consumer', '']);

/** Groups, asked through kafkajs. */
export class KafkajsGroupClient implements GroupClient {
  constructor(private readonly parts: AdminClientParts) {}

  async list(): Promise<readonly string[]> {
    const { groups } = await this.ask((admin) => admin.listGroups());
    return groups.filter(({ protocolType }) => READERS.has(protocolType)).map(({ groupId }) => groupId);
  }

  /** A group of the newer protocol (KIP-848) is dead to kafkajs, and listed all the same. */
  async state(groupId: string): Promise<GroupState | undefined> {
    const { groups } = await this.ask((admin) => admin.describeGroups([groupId]));
    const group = groups[0];
    if (group && group.state !== 'Dead') return this.seen(group);
    if (!(await this.list()).includes(groupId)) return undefined;
    return { state: 'unknown', members: null, readers: new Map(), topics: [] };
  }

  async positions(groupId: string): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    const topics = await this.ask((admin) => admin.fetchOffsets({ groupId }));
    const known = topics.map(({ topic, partitions }) => {
      const kept = partitions.filter(({ offset }) => offset !== NONE);
      return [topic, new Map(kept.map(({ partition, offset }) => [partition, offset]))] as const;
    });
    return new Map(known.filter(([, positions]) => positions.size > 0));
  }

  async move(groupId: string, topic: string, positions: readonly PartitionPosition[]): Promise<void> {
    try {
      await moveGroup(this.parts.client, groupId, topic, positions);
    } catch (thrown) {
      throw toMessagingError(thrown, { connection: this.parts.context.connection, groupId });
    }
  }

  async delete(groupId: string): Promise<void> {
    await this.ask((admin) => admin.deleteGroups([groupId]));
  }

  private seen({ state, members }: GroupDescription): GroupState {
    const { MemberAssignment } = this.parts.kafkajs.AssignerProtocol;
    const readers = new Map<string, string>();
    const topics = new Set<string>();
    for (const { clientId, clientHost, memberAssignment } of members) {
      const { assignment = {} } = memberAssignment.length > 0 ? (MemberAssignment.decode(memberAssignment) ?? {}) : {};
      for (const [topic, partitions] of Object.entries(assignment)) {
        topics.add(topic);
        for (const partition of partitions)
          readers.set(nameOf({ topic, partition }), `${clientId}@${hostOf(clientHost)}`);
      }
    }
    return { state: wordsOf(state), members: members.length, readers, topics: [...topics] };
  }

  private ask<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    return this.parts.admin.ask(undefined, question);
  }
}

/** `PreparingRebalance` → `preparing rebalance` */
function wordsOf(state: string): string {
  return state.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}
