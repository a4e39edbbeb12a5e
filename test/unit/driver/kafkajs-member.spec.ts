import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import * as kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import type { FetchedMessages, MemberEvents, Position } from '../../../lib/driver/kafka/group-member.js';
import { KafkajsMember, type MemberParts } from '../../../lib/driver/kafkajs/kafkajs.member.js';
import { kafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { eventually } from '../../support/eventually.js';
import { kafkajsBroker } from '../../support/kafkajs-broker.js';
import { batchOf, emptyBatch, fetchAnswer } from '../../support/kafka-answers.js';

const require = createRequire(import.meta.url);
const createConsumer = require('kafkajs/src/consumer') as (config: object) => kafkajs.Consumer;

const BATCH = 10;
const NOT_LEADER = 6;
const NODES = [1, 2, 3];
const COORDINATOR = 4;
const PARTITIONS = [0, 1, 2];
/** The group's position when it is joined for the first, second, ... time: little of what was read is committed. */
const committedAt = (join: number) => 50 + join;

const NO_FETCHES = {
  fetch: async () => ({ responses: [] }),
  produce: async () => ({}),
  lookupRequest: () => () => ({}),
};

/** kafkajs' consumer, on a cluster of brokers with a partition each, which answer each fetch with a batch from where it was asked. */
class FakeCluster {
  joins = 0;
  /** These say once that they do not lead: kafkajs joins anew within that fetch, while the other fetchers go on. */
  readonly moved = new Set<number>();
  /** What these answer with has no messages in it. */
  readonly empty = new Set<number>();
  /** How long each join takes, in ms. */
  readonly joinMs: number[] = [];
  /** The join whose positions are told to the first of two who ask in time, and to the other when the next join has begun. */
  lateIn = 0;
  askers = 0;
  /** The first connection to the coordinator ends as soon as the group is joined. */
  hangsUp = false;
  private connections = 0;
  /** The partition of each fetch. */
  readonly asked: unknown[] = [];
  /** The brokers that are looked for or asked, and have not answered. */
  readonly busy = new Set<number>();
  /** Each answer of broker 1 waits for this, and each heartbeat for that. */
  answers = Promise.resolve();
  held = 0;
  heartbeats = Promise.resolve();
  heartbeatsSent = 0;

  readonly client = {
    consumer: (config: object) => createConsumer({ ...config, cluster: this.cluster, logger, metadataMaxAge: 1e9 }),
  };

  private readonly coordinator = {
    ...NO_FETCHES,
    nodeId: COORDINATOR,
    joinGroup: async () => {
      const ms = this.joinMs[this.joins++] ?? 30;
      await delay(ms);
      return { generationId: this.joins, leaderId: 'x', memberId: 'm', members: [], groupProtocol: 'roundrobin' };
    },
    syncGroup: async () => ({
      memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: { t: PARTITIONS },
        userData: Buffer.alloc(0),
      }),
    }),
    offsetFetch: async () => {
      const { joins } = this;
      const isFirst = joins === this.lateIn && this.askers++ === 0;
      if (isFirst) await eventually(() => expect(this.askers).toBeGreaterThan(1));
      else if (joins === this.lateIn) await eventually(() => expect(this.joins).toBeGreaterThan(joins));
      else await delay(2);
      return { responses: offsets(committedAt(joins)) };
    },
    offsetCommit: async () => ({}),
    heartbeat: async () => {
      this.heartbeatsSent++;
      await this.heartbeats;
    },
    leaveGroup: async () => ({}),
  };

  private readonly brokers = new Map(NODES.map((nodeId) => [nodeId, this.broker(nodeId)]));

  private readonly cluster = {
    connect: async () => {},
    disconnect: async () => {},
    isConnected: () => true,
    refreshMetadata: async () => {},
    refreshMetadataIfNecessary: async () => {},
    addMultipleTargetTopics: async () => {},
    getNodeIds: () => NODES,
    findGroupCoordinator: (): Promise<unknown> => this.cluster.findBroker({ nodeId: COORDINATOR }),
    /** Slow for one: the group is joined between a question and its leave. */
    findBroker: async ({ nodeId }: { readonly nodeId: number }): Promise<unknown> => {
      if (nodeId === COORDINATOR) return this.connected();
      this.busy.add(nodeId);
      if (nodeId === 2) await delay(10);
      return this.brokers.get(nodeId);
    },
    removeBroker: () => {},
    committedOffsets: (() => {
      const committed = {};
      return () => committed;
    })(),
    findTopicPartitionMetadata: () => PARTITIONS.map((partitionId) => ({ partitionId, leader: partitionId + 1 })),
    findLeaderForPartitions: () => ({ 1: [0], 2: [1], 3: [2] }),
    fetchTopicsOffset: async ([{ fromBeginning }]: [{ readonly fromBeginning: boolean }]) =>
      offsets(fromBeginning ? 0 : 100_000),
  };

  private connected() {
    const isFirst = this.connections++ === 0;
    return { ...this.coordinator, isConnected: () => !isFirst || !this.hangsUp };
  }

  private broker(nodeId: number) {
    return kafkajsBroker(async ({ topics }) => {
      const { partition = 0, fetchOffset = '0' } = topics[0]?.partitions[0] ?? {};
      this.asked.push(partition);
      await delay(nodeId === 2 ? 1 : 20);
      if (nodeId === 1) await this.whenAnswering();
      const hasMoved = this.moved.delete(nodeId);
      const answer = {
        partition,
        highWatermark: 100_000,
        errorCode: hasMoved ? NOT_LEADER : 0,
        records: hasMoved ? Buffer.alloc(0) : await this.batch(nodeId, Number(fetchOffset)),
      };
      this.busy.delete(nodeId);
      return fetchAnswer(11, { t: [answer] });
    });
  }

  private async whenAnswering(): Promise<void> {
    this.held++;
    await this.answers;
    this.held--;
  }

  private batch(nodeId: number, firstOffset: number): Promise<Buffer> {
    if (this.empty.has(nodeId)) return emptyBatch(firstOffset, BATCH - 1);
    return batchOf({ firstOffset, records: Array.from({ length: BATCH }, () => ({ value: Buffer.from('x') })) });
  }
}

const logger = { namespace: () => logger, info() {}, debug() {}, warn() {}, error() {} };

function offsets(offset: number) {
  return [
    { topic: 't', partitions: PARTITIONS.map((partition) => ({ partition, offset: String(offset), metadata: '' })) },
  ];
}

/** What each assignment brings, by partition. */
class Seen implements MemberEvents {
  readonly crashes: unknown[] = [];
  readonly positions: (readonly Position[])[] = [];
  readonly assignments: Map<number, string[]>[] = [];

  /** Assignments that were not given up before the next. */
  notGivenUp = 0;
  /** The newest assignment, until it is given up. */
  private current: Map<number, string[]> | undefined;

  onAssigned = () => {
    if (this.current) this.notGivenUp++;
    this.current = new Map();
    this.assignments.push(this.current);
  };
  onPositioning = async () => {};
  onPositions = async (positions: readonly Position[]) => void this.positions.push(positions);
  onRevoked = async () => void (this.current = undefined);
  onLost = () => void (this.current = undefined);
  onPassedOver = () => {};
  onTrouble = () => {};
  onOutdated = async () => {};
  onCrash = (error: unknown) => void this.crashes.push(error);

  /** Of partition 0. */
  onHandedOver = () => {};

  onFetched(from: { readonly partition: number }, _: number, messages: FetchedMessages): void {
    const partition = { topic: 't', index: from.partition };
    if (!this.current) return;
    const own = this.current.get(from.partition) ?? [];
    for (let at = 0; at < messages.count; at++) own.push(messages.at(at, partition).offset);
    this.current.set(from.partition, own);
    if (from.partition === 0) this.onHandedOver();
  }
}

function start() {
  const cluster = new FakeCluster();
  const seen = new Seen();
  const parts = {
    kafkajs,
    client: cluster.client,
    options: resolveOptions(kafkaOptions, { path: '', input: { heartbeatIntervalMs: 20 }, faults: [] }),
    request: { groupId: 'g', topics: [{ topic: 't' }], maxPollRecords: 1, drainTimeoutMs: 1 },
    admin: { describe: async () => [{ topic: 't' }] },
    clock: systemClock,
    connection: 'kafka',
    events: seen,
  } as unknown as MemberParts;
  return { cluster, seen, member: new KafkajsMember(parts) };
}

/** Each assignment has read from the group's position on, without a gap. */
function expectNoGaps({ assignments }: Seen): void {
  for (const [at, brought] of assignments.entries())
    for (const offsets of brought.values())
      expect(offsets).toEqual(offsets.map((_, n) => String(committedAt(at + 1) + n)));
}

/** All partitions of the newest assignment, the given one, are read. */
const readOf = (seen: Seen, join: number) =>
  eventually(() => {
    expect(seen.assignments).toHaveLength(join);
    for (const partition of PARTITIONS)
      expect(seen.assignments.at(-1)?.get(partition)?.length).toBeGreaterThan(2 * BATCH);
  });

/** The assignment of the last join is read from the group's position on, without a gap. */
const newestIsRead = (cluster: FakeCluster, seen: Seen) =>
  eventually(() => {
    for (const partition of PARTITIONS) {
      const brought = seen.assignments.at(-1)?.get(partition) ?? [];
      expect(brought.length).toBeGreaterThan(2 * BATCH);
      expect(brought).toEqual(brought.map((_, n) => String(committedAt(cluster.joins) + n)));
    }
  });

function gate() {
  let open = () => {};
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

describe('a member of kafkajs', () => {
  it('reads from the position of the group after each join, without a gap, while another of its fetchers goes on', async () => {
    const { cluster, seen, member } = start();
    await member.run();
    for (let join = 1; join <= 12; join++) {
      await readOf(seen, join);
      cluster.moved.add(1);
    }
    await member.leave(deadlineIn(systemClock, 500));
    expectNoGaps(seen);
    expect(seen.positions.length).toBeGreaterThanOrEqual(12);
    for (const [at, positions] of seen.positions.entries())
      expect(positions.map(({ offset }) => offset)).toEqual(PARTITIONS.map(() => String(committedAt(at + 1))));
    expect(seen.crashes).toEqual([]);
  });

  it.each(['messages', 'no messages'])(
    'passes over %s that kafkajs takes note of after the join only',
    async (what) => {
      const { cluster, seen, member } = start();
      await member.run();
      await readOf(seen, 1);
      if (what === 'no messages') cluster.empty.add(2).add(3);
      const [answers, heartbeats] = [gate(), gate()];
      [cluster.answers, cluster.heartbeats] = [answers.promise, heartbeats.promise];
      const sent = cluster.heartbeatsSent;
      // broker 1 does not answer; what the others have answered is in hand: one before its heartbeat, the other behind it
      await eventually(() => expect([[...cluster.busy], cluster.heartbeatsSent]).toEqual([[1], sent + 1]));
      cluster.empty.clear();
      cluster.moved.add(1);
      answers.open();
      await eventually(() => expect(seen.assignments).toHaveLength(2));
      heartbeats.open();
      await readOf(seen, 2);
      await member.leave(deadlineIn(systemClock, 500));
      expectNoGaps(seen);
    },
  );

  it('asks who takes the place of a coordinator whose connection has ended', async () => {
    const { cluster, seen, member } = start();
    cluster.hangsUp = true;
    await member.run();
    await readOf(seen, 1);
    await member.leave(deadlineIn(systemClock, 500));
    expectNoGaps(seen);
    expect(seen.positions).toHaveLength(1);
  });

  it('reads after a join what was paused before it', async () => {
    const { cluster, seen, member } = start();
    seen.onHandedOver = () => {
      member.pause({ topic: 't', partition: 0 });
      seen.onHandedOver = () => {};
    };
    await member.run();
    await eventually(() => expect(seen.assignments[0]?.get(1)?.length).toBeGreaterThan(10 * BATCH));
    cluster.moved.add(2);
    await readOf(seen, 2);
    await member.leave(deadlineIn(systemClock, 500));
    expectNoGaps(seen);
  });

  it('hands nothing over once it leaves', async () => {
    const { cluster, seen, member } = start();
    await member.run();
    await readOf(seen, 1);
    const answers = gate();
    cluster.answers = answers.promise;
    await eventually(() => expect(cluster.held).toBe(1));
    const countOf = () => seen.assignments[0]?.get(0)?.length;
    const before = countOf();
    const left = member.leave(deadlineIn(systemClock, 500));
    answers.open();
    await left;
    expect(countOf()).toBe(before);
  });

  it('does not fetch again and again what it cannot hand over while one of its fetchers joins', async () => {
    const { cluster, seen, member } = start();
    await member.run();
    await readOf(seen, 1);
    cluster.joinMs.push(0, 400);
    cluster.moved.add(1);
    await eventually(() => expect(cluster.joins).toBe(2));
    const before = cluster.asked.length;
    await eventually(() => expect(seen.assignments).toHaveLength(2));
    expect(cluster.asked.length - before).toBeLessThanOrEqual(2 * 5); // two fetchers, each 100 ms
    await readOf(seen, 2);
    await member.leave(deadlineIn(systemClock, 500));
    expectNoGaps(seen);
  });

  it('begins anew when two of its fetchers join at a time', async () => {
    const { cluster, seen, member } = start();
    await member.run();
    await readOf(seen, 1);
    cluster.joinMs.push(0, 150, 300);
    cluster.moved.add(1);
    await eventually(() => expect(cluster.joins).toBe(2));
    await eventually(() => {
      if (cluster.joins === 2) cluster.moved.add(3); // what an older generation asked is not looked at
      expect(cluster.joins).toBeGreaterThan(2);
    });
    await newestIsRead(cluster, seen);
    await member.leave(deadlineIn(systemClock, 500));
    expect(seen.notGivenUp).toBe(0);
    expect(seen.crashes).toEqual([]);
  });

  it('takes no positions of an older generation', async () => {
    const { cluster, seen, member } = start();
    await member.run();
    await readOf(seen, 1);
    cluster.joinMs.push(0, 30, 150);
    cluster.lateIn = 2;
    cluster.moved.add(1);
    await eventually(() => expect(cluster.askers).toBeGreaterThan(1));
    cluster.moved.add(1); // who is told in time joins anew
    await eventually(() => expect(cluster.joins).toBeGreaterThan(2));
    await newestIsRead(cluster, seen);
    await member.leave(deadlineIn(systemClock, 500));
    expect(seen.crashes).toEqual([]);
  });

  it('fetches nothing more of a partition that was paused while it was handed over, and goes on where it was', async () => {
    const { cluster, seen, member } = start();
    const paused = { topic: 't', partition: 0 };
    seen.onHandedOver = () => {
      member.pause(paused);
      seen.onHandedOver = () => {};
    };
    await member.run();
    const countOf = (partition: number) => cluster.asked.filter((asked) => asked === partition).length;
    await eventually(() => expect(countOf(1)).toBeGreaterThan(20));
    expect(countOf(0)).toBe(1);
    member.resume(paused);
    await eventually(() => expect(seen.assignments[0]?.get(0)?.length).toBeGreaterThan(2 * BATCH));
    await member.leave(deadlineIn(systemClock, 500));
    expectNoGaps(seen);
  });
});
