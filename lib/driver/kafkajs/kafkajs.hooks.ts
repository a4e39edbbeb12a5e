import type { Assigner, PartitionAssigner } from 'kafkajs';
import { hookFetch, type FetchHooks } from './fetch/hook-fetch.js';
import type { KafkajsModule } from './kafkajs.client.js';
import { showBrokers, type KafkajsCluster } from './kafkajs.internals.js';
import { hookOffsets, type OffsetHooks } from './kafkajs.offsets.js';

export interface MemberHooks extends OffsetHooks, FetchHooks {
  /** Called with the cluster before the member does anything. */
  onCluster(cluster: KafkajsCluster): void;
  /**
   * Before each join. It is the first await of every rejoin and the last moment at which a commit of the old generation is accepted, as
   * long as heartbeats go on; inside `assign()` it is too late (seen on Kafka 4.1).
   */
  beforeJoin(): Promise<void>;
}

/**
 * The `roundrobin` assigner: of that name, so that librdkafka members can share the group while a deployment changes the backend. It
 * heeds each member's own topic list, which kafkajs' assigner does not.
 */
export function hookedAssigner({ AssignerProtocol }: KafkajsModule, hooks: MemberHooks): PartitionAssigner {
  return (config): Assigner => {
    const cluster = config.cluster as unknown as KafkajsCluster;
    showBrokers(cluster, (broker) => {
      hookFetch(broker, hooks);
      hookOffsets(broker, hooks); // it may be the coordinator, or take its place
    });
    hookJoin(cluster, hooks);
    hooks.onCluster(cluster);
    return {
      name: 'roundrobin',
      version: 0,
      protocol: ({ topics }) => ({
        name: 'roundrobin',
        metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
      }),
      async assign({ members }) {
        const readers = members.map(({ memberId, memberMetadata }) => ({
          memberId,
          topics: AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
        }));
        const shares = await roundRobin(cluster, readers);
        return [...shares].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version: 0,
            assignment,
            userData: Buffer.alloc(0),
          }),
        }));
      },
    };
  };
}

interface Reader {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/** As Java's RoundRobinAssignor: partitions in order, members in turn, those who do not read the topic passed over. */
async function roundRobin(
  cluster: KafkajsCluster,
  readers: readonly Reader[],
): Promise<Map<string, Record<string, number[]>>> {
  const sorted = readers.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const shares = new Map(sorted.map(({ memberId }) => [memberId, {} as Record<string, number[]>]));
  let turn = 0;
  for (const topic of [...new Set(sorted.flatMap(({ topics }) => topics))].toSorted()) {
    for (const partition of await partitionsOf(cluster, topic)) {
      while (!sorted[turn % sorted.length]?.topics.includes(topic)) turn++;
      const share = shares.get(sorted[turn++ % sorted.length]?.memberId ?? '') ?? {};
      (share[topic] ??= []).push(partition);
    }
  }
  return shares;
}

/** A topic that another member reads and that does not exist has no partitions to share. */
async function partitionsOf(cluster: KafkajsCluster, topic: string): Promise<number[]> {
  try {
    await cluster.addMultipleTargetTopics([topic]);
  } catch {
    return [];
  }
  return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
}

function hookJoin(cluster: KafkajsCluster, hooks: MemberHooks): void {
  const find = cluster.findGroupCoordinator.bind(cluster);
  cluster.findGroupCoordinator = async (args) => {
    hooks.assertAlive();
    await hooks.beforeJoin();
    return find(args);
  };
}
