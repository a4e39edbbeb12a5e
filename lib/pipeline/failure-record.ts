import type { Attempt } from '../core/attempt.js';
import { HEADER } from '../core/header-names.js';
import type { HeaderList } from '../core/headers.js';
import type { OutgoingRecord } from '../core/message.js';

/** What a record of a failure tells of the attempt. */
export type FailedAttempt = Pick<Attempt, 'delivery' | 'attempt' | 'firstFailureAt'>;

/** Where a message first came from, which every further hop keeps. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly timestamp: number;
  /** The group that gave it up first; undefined where nobody has. */
  readonly group: string | undefined;
}

export function originOf({ delivery }: Pick<Attempt, 'delivery'>): Origin {
  const { partition, offset, timestamp, headers } = delivery;
  const here = { topic: partition.topic, partition: partition.index, offset, timestamp, group: undefined };
  if (headers.length === 0) return here;
  const text = (name: string) => headers.find(([own]) => own === name)?.[1].toString('utf8');
  const topic = text(HEADER.originalTopic);
  if (topic === undefined) return here;
  return {
    topic,
    partition: integer(text(HEADER.originalPartition)) ?? here.partition,
    offset: text(HEADER.originalOffset) ?? here.offset,
    timestamp: integer(text(HEADER.originalTimestamp)) ?? here.timestamp,
    group: text(HEADER.originalGroup),
  };
}

/** A header of somebody else's making may hold anything. */
function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Headers in text; those without a value are left out. */
export function textHeaders(values: Readonly<Record<string, string | number | undefined>>): HeaderList {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Buffer.from(String(value), 'utf8')] as const],
  );
}

/** What a message carries on to a retry or dead letter topic: itself, with headers that say where it came from. */
export function carriedOn(attempt: FailedAttempt, topic: string, headers: HeaderList): OutgoingRecord {
  const { key, value, headers: own } = attempt.delivery;
  const replaced = new Set(headers.map(([name]) => name));
  return { topic, key, value, headers: [...own.filter(([name]) => !replaced.has(name)), ...headers] };
}

/** The text twins of the origin. */
export function originHeaders(attempt: FailedAttempt, groupId: string): HeaderList {
  const { topic, partition, offset, timestamp, group = groupId } = originOf(attempt);
  return textHeaders({
    [HEADER.originalTopic]: topic,
    [HEADER.originalPartition]: partition,
    [HEADER.originalOffset]: offset,
    [HEADER.originalTimestamp]: timestamp,
    [HEADER.originalGroup]: group,
    [HEADER.firstFailureAt]: attempt.firstFailureAt,
  });
}
