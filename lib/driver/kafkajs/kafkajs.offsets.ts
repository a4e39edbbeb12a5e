import { groupBy } from '../../core/group-by.js';
import type { Position, TopicPartition } from '../kafka/group-member.js';
import { boundsFrom, type Committed, type LogBounds } from '../kafka/start-positions.js';
import type { AskedPartitions, KafkajsCluster, KafkajsCoordinator, TopicOffsets } from './kafkajs.internals.js';

/** Of the protocol. */
const READ_UNCOMMITTED = 0;

export interface OffsetHooks {
  /** Before the group is asked for its positions in these; awaited. */
  beforePositions(partitions: readonly TopicPartition[]): Promise<void>;
  /** Counts up with each join. */
  generation(): number;
  /**
   * Where reading begins, of what the group left of the partitions that this member got; kafkajs looks for those that stay negative.
   * @param generation when they were asked for
   * @throws Error when another has begun since
   */
  startPositions(committed: readonly Committed[], generation: number): Promise<readonly Position[]>;
}

/**
 * kafkajs asks the coordinator for the group's positions before the first fetch of a generation. When a log has lost the position since then,
 * it would commit -1 or -2, and read on without a word; the member ends instead, and its successor begins where it should.
 */
export function hookOffsets(coordinator: KafkajsCoordinator, hooks: OffsetHooks): void {
  const fetch = coordinator.offsetFetch.bind(coordinator);
  coordinator.offsetFetch = async (request) => {
    const generation = hooks.generation();
    await hooks.beforePositions(toPartitions(request.topics));
    const answer = await fetch(request);
    return { ...answer, responses: toTopics(await hooks.startPositions(toPositions(answer.responses), generation)) };
  };
  const commit = coordinator.offsetCommit.bind(coordinator);
  coordinator.offsetCommit = async (request) => {
    const wrong = toPositions(request.topics).find(({ offset }) => Number(offset) < 0);
    if (wrong) throw new OutOfLogError(wrong);
    return commit(request);
  };
}

/** kafkajs repeats what is not marked so. */
class OutOfLogError extends Error {
  readonly retriable = false;

  constructor({ topic, partition }: TopicPartition) {
    super(`the log of partition ${partition} of topic ${topic} has lost the position that was read`);
  }
}

/** What the logs of these have. The cluster's own isolation level would hide the messages of open transactions. */
export async function boundsOf(
  cluster: KafkajsCluster,
  partitions: readonly TopicPartition[],
): Promise<readonly LogBounds[]> {
  const all = Object.create(cluster, { isolationLevel: { value: READ_UNCOMMITTED } }) as KafkajsCluster;
  const asked = (fromBeginning: boolean) =>
    [...groupBy(partitions, ({ topic }) => topic)].map(([topic, own]) => ({ topic, partitions: own, fromBeginning }));
  const starts = await all.fetchTopicsOffset(asked(true));
  const ends = await all.fetchTopicsOffset(asked(false));
  return boundsFrom(toPositions(starts), toPositions(ends));
}

function toTopics(positions: readonly Position[]): TopicOffsets[] {
  return [...groupBy(positions, ({ topic }) => topic)].map(([topic, partitions]) => ({ topic, partitions }));
}

function toPartitions(topics: readonly AskedPartitions[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition })));
}

function toPositions(topics: readonly TopicOffsets[]): Position[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset, metadata = '' }) => ({ topic, partition, offset, metadata })),
  );
}

export function assignedPartitions(assignment: Readonly<Record<string, readonly number[]>>): TopicPartition[] {
  return Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
