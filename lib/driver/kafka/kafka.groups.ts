import { sleep } from '../../core/clock.js';
import { BrokerError, GroupInUseError, UnknownGroupError, UnknownTopicError } from '../../core/errors.js';
import { lagOf, type GroupDetails, type GroupPartition, type PartitionPosition } from '../broker-admin.js';
import type { DriverContext } from '../driver.js';
import type { AdminClient, GroupState } from './admin-client.js';
import { nameOf } from './group-member.js';

const PATIENCE_MS = 5_000;
const PAUSE_MS = 500;
/** The protocol's word for "no position". */
const NONE = '-1';

/** Consumer groups: who is in them, and where they are. */
export class KafkaGroups {
  constructor(
    private readonly client: AdminClient,
    private readonly context: DriverContext,
  ) {}

  async list(): Promise<readonly string[]> {
    return (await this.patiently(() => this.client.groups.list())).toSorted();
  }

  /** @throws UnknownGroupError */
  describe(groupId: string): Promise<GroupDetails> {
    return this.patiently(() => this.look(groupId));
  }

  /** A commit can be overtaken by a member that joins meanwhile, so what came of it is read back. */
  async seek(
    groupId: string,
    topic: string,
    positions: readonly PartitionPosition[],
  ): Promise<readonly PartitionPosition[]> {
    const known = await this.client.groups.state(groupId);
    if (known && known.members !== 0) throw new GroupInUseError(groupId, known.members, { topic });
    if (positions.length === 0) return [];
    await this.patiently(() => this.client.groups.move(groupId, topic, positions));
    const now = (await this.client.groups.positions(groupId)).get(topic) ?? new Map<number, string>();
    const found = positions.map(({ partition }) => ({ partition, offset: now.get(partition) ?? NONE }));
    const wrong = found.find(({ offset }, index) => offset !== positions[index]?.offset);
    if (wrong)
      throw new BrokerError(
        `Group \`${groupId}\` is at ${wrong.offset} in partition ${wrong.partition} of \`${topic}\` after it was moved elsewhere. See that nothing joins it, and try again.`,
        { connection: this.context.connection, groupId, topic, retryable: true },
      );
    return found;
  }

  async delete(groupId: string): Promise<void> {
    const { members } = await this.stateOf(groupId);
    if (members !== 0) throw new GroupInUseError(groupId, members);
    await this.client.groups.delete(groupId);
  }

  private async look(groupId: string): Promise<GroupDetails> {
    const { state, members, readers, topics } = await this.stateOf(groupId);
    const positions = await this.client.groups.positions(groupId);
    const names = [...new Set([...topics, ...positions.keys()])].toSorted();
    const partitions = await Promise.all(
      names.map((topic) => this.describePartitions(topic, positions.get(topic) ?? new Map(), readers)),
    );
    return { groupId, state, members, partitions: partitions.flat() };
  }

  /** A coordinator that has just started loads its groups first, leaders move, topics come and go: that passes. */
  private async patiently<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const { clock } = this.context;
    for (const end = clock.now() + PATIENCE_MS; ; await sleep(clock, PAUSE_MS)) {
      try {
        return await ask();
      } catch (error) {
        if ((error as BrokerError).retryable !== true || clock.now() >= end) throw error;
      }
    }
  }

  /** @throws UnknownGroupError */
  private async stateOf(groupId: string): Promise<GroupState> {
    const found = await this.client.groups.state(groupId);
    if (!found) throw new UnknownGroupError(groupId);
    return found;
  }

  /** A topic that was deleted has left its positions behind: there is nothing to show. */
  private async describePartitions(
    topic: string,
    positions: ReadonlyMap<number, string>,
    readers: ReadonlyMap<string, string>,
  ): Promise<GroupPartition[]> {
    const partitions = await this.client.partitions(topic).catch(noneIfUnknown);
    return partitions.map(({ partition, start, end }) => {
      const position = positions.get(partition) ?? null;
      const member = readers.get(nameOf({ topic, partition })) ?? null;
      return { topic, partition, position, start, end, lag: lagOf(position, start, end), member };
    });
  }
}

function noneIfUnknown(error: unknown): [] {
  if (error instanceof UnknownTopicError) return [];
  throw error;
}
