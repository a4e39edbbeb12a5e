import { BrokerUnavailableError } from '../../core/errors.js';
import { OffsetResetError } from '../../core/offset-reset.error.js';
import type { OffsetReset, SubscribeRequest } from '../driver.js';
import { nameOf, type Position, type TopicPartition } from './group-member.js';

/** What a partition's log has. */
export interface LogBounds extends TopicPartition {
  readonly start: number;
  /** Of all messages, those of open transactions included: a position behind it is none. */
  readonly end: number;
}

/** Of the partitions of which both are known. */
export function boundsFrom(starts: readonly Position[], ends: readonly Position[]): LogBounds[] {
  const byName = new Map(ends.map((end) => [nameOf(end), Number(end.offset)]));
  return starts.flatMap((one) => {
    const { topic, partition, offset } = one;
    const end = byName.get(nameOf(one));
    return end === undefined ? [] : [{ topic, partition, start: Number(offset), end }];
  });
}

/** Where the group left off; a negative offset where it has never been. */
export type Committed = Position;

/**
 * Where reading begins in each partition, always as an offset that the log has: where the group left off, else as the topic's
 * `autoOffsetReset` says.
 * @throws OffsetResetError where that is `none`.
 */
export function startPositions(
  { groupId, topics }: SubscribeRequest,
  committed: readonly Committed[],
  bounds: readonly LogBounds[],
): Position[] {
  const resets = new Map(topics.map(({ topic, autoOffsetReset }) => [topic, autoOffsetReset]));
  return committed.map((one) => {
    const { topic, partition } = one;
    const log = bounds.find((found) => found.topic === topic && found.partition === partition);
    if (!log) throw new BrokerUnavailableError('the log of a partition could not be seen', { topic, partition });
    return { ...one, offset: String(startAt(one, log, { groupId, reset: resets.get(topic) ?? 'earliest' })) };
  });
}

interface Group {
  readonly groupId: string;
  readonly reset: OffsetReset;
}

function startAt({ offset }: Committed, log: LogBounds, { groupId, reset }: Group): number {
  const position = Number(offset) < 0 ? undefined : Number(offset);
  if (position !== undefined && position >= log.start && position <= log.end) return position;
  if (reset === 'none') throw new OffsetResetError({ groupId, position, ...log });
  return reset === 'earliest' ? log.start : log.end;
}
