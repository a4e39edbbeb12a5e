import type { Assigner, PartitionAssigner } from 'kafkajs';
import { BrokerError } from '../../core/errors.js';
import type { Position, TopicPartition } from '../kafka/group-member.js';
import type { KafkajsModule } from './kafkajs.client.js';

/** What kafkajs 2.2.4 has inside and does not export. A custom assigner is the only door to it. */
export interface KafkajsCluster {
  findGroupCoordinator(args: unknown): Promise<KafkajsCoordinator>;
  /** Where a group without positions begins. */
  fetchTopicsOffset(topics: unknown): Promise<readonly TopicOffsets[]>;
  findBroker(args: unknown): Promise<KafkajsBroker>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  disconnect(): Promise<void>;
}

interface KafkajsCoordinator {
  offsetFetch(request: {
    readonly topics: readonly TopicOffsets[];
  }): Promise<{ readonly responses: readonly TopicOffsets[] }>;
}

interface TopicOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string; readonly metadata?: string }[];
}

interface KafkajsBroker {
  fetch(request: unknown): Promise<FetchResponse>;
}

interface FetchResponse {
  responses: readonly { readonly partitions: FetchedPartition[] }[];
}

export interface FetchedPartition {
  readonly messages: FetchedMessage[];
  abortedTransactions?: { readonly producerId: string; readonly firstOffset: string }[] | null;
}

interface FetchedMessage {
  readonly offset: string;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
  isControlRecord: boolean;
}

export interface MemberHooks {
  /** Called with the cluster before the member does anything. */
  onCluster(cluster: KafkajsCluster): void;
  /**
   * Before each join. It is the first await of every rejoin and the last moment at which a commit of the old generation is accepted, as
   * long as heartbeats go on; inside `assign()` it is too late (seen on Kafka 4.1).
   */
  beforeJoin(): Promise<void>;
  /** Before the group is asked for its positions in these; awaited. */
  beforePositions(partitions: readonly TopicPartition[]): Promise<void>;
  /** What the group left of the partitions that this member got, or where it begins without it. */
  onPositions(positions: readonly Position[]): void;
  /** Awaited before each fetch. */
  beforeFetch(): Promise<void>;
  /** @throws when the member is over: kafkajs would go on by itself. */
  assertAlive(): void;
  /** Counts up with each join: what was fetched under an older one is dropped. */
  generation(): number;
  /** Every message array that a fetch brought, with its generation. */
  readonly fetched: WeakMap<object, number>;
}

/**
 * The `roundrobin` assigner: of that name, so that librdkafka members can share the group while a deployment changes the backend. It
 * heeds each member's own topic list, which kafkajs' assigner does not.
 */
export function hookedAssigner({ AssignerProtocol }: KafkajsModule, hooks: MemberHooks): PartitionAssigner {
  return (config): Assigner => {
    const cluster = config.cluster as unknown as KafkajsCluster;
    assertInternals(cluster);
    hookJoin(cluster, hooks);
    hookPositions(cluster, hooks);
    hookFetch(cluster, hooks);
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
    const coordinator = await find(args);
    hookCommitted(coordinator, hooks);
    return coordinator;
  };
}

const hookedCoordinators = Symbol('offsetFetch is hooked');

/** kafkajs asks the coordinator for the group's positions before the first fetch of a generation. */
function hookCommitted(coordinator: KafkajsCoordinator & { [hookedCoordinators]?: true }, hooks: MemberHooks): void {
  if (coordinator[hookedCoordinators]) return;
  coordinator[hookedCoordinators] = true;
  const fetch = coordinator.offsetFetch.bind(coordinator);
  coordinator.offsetFetch = async (request) => {
    await hooks.beforePositions(
      request.topics.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition }))),
    );
    const answer = await fetch(request);
    hooks.onPositions(toPositions(answer.responses).filter(({ offset }) => Number(offset) >= 0));
    return answer;
  };
}

/** Where the group has no position, kafkajs asks the log. */
function hookPositions(cluster: KafkajsCluster, hooks: MemberHooks): void {
  const fetch = cluster.fetchTopicsOffset.bind(cluster);
  cluster.fetchTopicsOffset = async (topics) => {
    const answer = await fetch(topics);
    hooks.onPositions(toPositions(answer));
    return answer;
  };
}

function toPositions(topics: readonly TopicOffsets[]): Position[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset, metadata = '' }) => ({ topic, partition, offset, metadata })),
  );
}

/**
 * Two faults of kafkajs' fetch are mended here. It hands over aborted records; and a fetch that was under way while another of its
 * fetchers rejoined the group is handed over under the new assignment, which would skip what lies between.
 */
function hookFetch(cluster: KafkajsCluster, hooks: MemberHooks): void {
  const findBroker = cluster.findBroker.bind(cluster);
  const hooked = new WeakSet<KafkajsBroker>();
  cluster.findBroker = async (args) => {
    const broker = await findBroker(args);
    if (hooked.has(broker)) return broker;
    hooked.add(broker);
    const fetch = broker.fetch.bind(broker);
    broker.fetch = async (request) => {
      hooks.assertAlive();
      const generation = hooks.generation();
      await hooks.beforeFetch();
      const response = await fetch(request);
      if (generation !== hooks.generation()) return { ...response, responses: [] };
      for (const partition of response.responses.flatMap(({ partitions }) => partitions)) {
        hooks.fetched.set(partition.messages, generation);
        markAborted(partition);
      }
      return response;
    };
    return broker;
  };
}

/**
 * kafkajs expects aborted transactions in the order of their start (the broker lists them by completion), takes one a record, and takes
 * any record with the key 0x00000000 for an abort marker. Marked as control records here, the aborted ones are left out by kafkajs.
 */
export function markAborted(partition: FetchedPartition): void {
  const aborted = partition.abortedTransactions;
  if (!aborted?.length) return;
  const starts = aborted.toSorted((a, b) => Number(a.firstOffset) - Number(b.firstOffset));
  const open = new Set<string>();
  for (const message of partition.messages) {
    while (starts[0] && Number(starts[0].firstOffset) <= Number(message.offset))
      open.add(String(starts.shift()?.producerId));
    const { producerId, inTransaction } = message.batchContext ?? { producerId: '', inTransaction: false };
    if (message.isControlRecord) open.delete(String(producerId));
    else if (inTransaction && open.has(String(producerId))) message.isControlRecord = true;
  }
  partition.abortedTransactions = [];
}

function assertInternals(cluster: KafkajsCluster): void {
  const needed = [
    'findGroupCoordinator',
    'findBroker',
    'addMultipleTargetTopics',
    'findTopicPartitionMetadata',
    'fetchTopicsOffset',
    'disconnect',
  ] as const;
  const missing = needed.filter((name) => typeof cluster[name] !== 'function');
  if (missing.length > 0)
    throw new BrokerError(
      `kafkajs lacks ${missing.join(', ')} inside. Install the version that this library is made for: npm i kafkajs@2.2.4`,
      { retryable: false },
    );
}
