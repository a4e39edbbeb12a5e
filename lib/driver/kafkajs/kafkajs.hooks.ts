import type { Assigner, PartitionAssigner } from 'kafkajs';
import { decodeFetch, type DecodedFetch, type DecodedPartition, type FetchBound } from './fetch/decode-fetch.js';
import { FetchedRecords } from './fetch/fetched-records.js';
import type { KafkajsModule } from './kafkajs.client.js';
import {
  assertBrokerInternals,
  assertInternals,
  type FetchedPartition,
  type FetchRequest,
  type KafkajsBroker,
  type KafkajsCluster,
} from './kafkajs.internals.js';
import { hookOffsets, type OffsetHooks } from './kafkajs.offsets.js';

/** The protocol's number. */
const FETCH = 1;

export interface MemberHooks extends OffsetHooks {
  /** Called with the cluster before the member does anything. */
  onCluster(cluster: KafkajsCluster): void;
  /**
   * Before each join. It is the first await of every rejoin and the last moment at which a commit of the old generation is accepted, as
   * long as heartbeats go on; inside `assign()` it is too late (seen on Kafka 4.1).
   */
  beforeJoin(): Promise<void>;
  /** Awaited before each fetch. */
  beforeFetch(): Promise<void>;
  /** @throws when the member is over: kafkajs would go on by itself. */
  assertAlive(): void;
  /** Counts up with each join: what was fetched under an older one is dropped. */
  generation(): number;
  /** How long a broker may wait for messages, in ms. */
  maxWaitMs(): number;
  /** How large a batch may become when it is decompressed. */
  readonly bound: FetchBound;
  /** What fetches brought, by the array that kafkajs has in its place. */
  readonly fetched: WeakMap<object, Fetched>;
}

/** What a fetch brought of a partition. */
export interface Fetched {
  /** Of the member, when it was asked for. */
  readonly generation: number;
  readonly records: FetchedRecords;
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
    hookOffsets(coordinator, hooks);
    return coordinator;
  };
}

/**
 * Mends faults of kafkajs' fetch: records are decoded here (`decodeFetch`); a fetch that was under way while another of its fetchers rejoined the
 * group is handed over under the new assignment, which would skip what lies between; and it waits as long, whether a resume is likely or not.
 */
function hookFetch(cluster: KafkajsCluster, hooks: MemberHooks): void {
  const findBroker = cluster.findBroker.bind(cluster);
  const hooked = new WeakSet<KafkajsBroker>();
  cluster.findBroker = async (args) => {
    const broker = await findBroker(args);
    if (hooked.has(broker)) return broker;
    assertBrokerInternals(broker);
    hooked.add(broker);
    hookDecoding(broker, hooks.bound);
    const fetch = broker.fetch.bind(broker);
    broker.fetch = async (request) => {
      hooks.assertAlive();
      const generation = hooks.generation();
      await hooks.beforeFetch();
      const decoded = (await fetch({ ...request, maxWaitTime: hooks.maxWaitMs() })) as unknown as DecodedFetch;
      if (generation !== hooks.generation()) return { responses: [] };
      const responses = decoded.responses.map(({ topicName, partitions }) => ({
        topicName,
        partitions: partitions.map((one) => {
          const records = new FetchedRecords(one.batches, askedFrom(request, topicName, one.partition));
          const standIn = toStandIn(one, records.count === 0);
          hooks.fetched.set(standIn.messages, { generation, records });
          return standIn;
        }),
      }));
      return { responses };
    };
    return broker;
  };
}

/** kafkajs gets one message in place of all, and its own work with each is saved; a control record, where none is left to hand over, moves it on. */
function toStandIn(
  { partition, highWatermark, preferredReadReplica, lastOffset }: DecodedPartition,
  isControlRecord: boolean,
): FetchedPartition {
  const messages = lastOffset === undefined ? [] : [{ offset: String(lastOffset), isControlRecord }];
  return { partition, highWatermark, preferredReadReplica, messages, abortedTransactions: [] };
}

function askedFrom({ topics }: FetchRequest, topic: string, partition: number): number {
  const asked = topics.find((one) => one.topic === topic)?.partitions.find((one) => one.partition === partition);
  return Number(asked?.fetchOffset ?? 0);
}

function hookDecoding({ connectionPool }: KafkajsBroker, bound: FetchBound): void {
  const send = connectionPool.send.bind(connectionPool);
  connectionPool.send = (asked) => {
    const { apiKey, apiVersion } = asked.request;
    if (apiKey !== FETCH) return send(asked);
    const decode = (answer: Buffer) => decodeFetch(answer, apiVersion, bound);
    return send({ ...asked, response: { ...asked.response, decode } });
  };
}
