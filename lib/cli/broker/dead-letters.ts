import { createHash } from 'node:crypto';
import type { Delivery } from '../../core/delivery.js';
import { HEADER } from '../../core/header-names.js';
import { MessageHeaders, type HeaderList } from '../../core/headers.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { CliValues } from '../command/command.js';
import { moment, text } from '../command/readers.js';

/** Which dead letters are meant; without any, all. */
export const filterOptions = {
  error: text('--error <text>', 'whose error class, code, message or reason contains this'),
  key: text('-k, --key <key>', 'of this key'),
  group: text('-g, --group <id>', 'that this group gave up'),
  since: moment('--since <time>', 'given up at or after: a time, or an age as 2h'),
  until: moment('--until <time>', 'given up before: a time, or an age as 10m'),
} as const;

export type Filter = CliValues<typeof filterOptions>;

/** A dead letter as people look at it. */
export interface DeadLetter {
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  /** When it was given up, as ISO 8601. */
  readonly at: string;
  /** Where it came from: `orders/2@17`. */
  readonly origin: string;
  readonly group: string | undefined;
  readonly reason: string | undefined;
  readonly error: string | undefined;
  readonly message: string | undefined;
  readonly attempts: string | undefined;
  /** How often it was sent again. */
  readonly redrives: number;
}

export function toDeadLetter({ partition, offset, key, timestamp, headers: list }: Delivery): DeadLetter {
  const headers = new MessageHeaders(list);
  const original = [HEADER.originalTopic, HEADER.originalPartition, HEADER.originalOffset].map(
    (name) => headers.get(name) ?? '?',
  );
  return {
    partition: partition.index,
    offset,
    key: key === null ? null : key.toString('utf8'),
    at: new Date(givenUpAt(headers, timestamp)).toISOString(),
    origin: `${original[0]}/${original[1]}@${original[2]}`,
    group: headers.get(HEADER.originalGroup),
    reason: headers.get(HEADER.reason),
    error: headers.get(HEADER.errorClass),
    message: headers.get(HEADER.errorMessage),
    attempts: headers.get(HEADER.attempts),
    redrives: redrivesOf(headers),
  };
}

export function matches({ key, timestamp, headers: list }: Delivery, filter: Filter): boolean {
  const headers = new MessageHeaders(list);
  const at = givenUpAt(headers, timestamp);
  const texts = [HEADER.errorClass, HEADER.errorCode, HEADER.errorMessage, HEADER.reason].map((name) =>
    headers.get(name),
  );
  const { error, group } = filter;
  return (
    (error === undefined || texts.some((one) => one?.includes(error))) &&
    (filter.key === undefined || key?.toString('utf8') === filter.key) &&
    (group === undefined || headers.get(HEADER.originalGroup) === group) &&
    at >= (filter.since?.at ?? -Infinity) &&
    at < (filter.until?.at ?? Infinity)
  );
}

/** Why a dead letter is not sent again. */
export type Refusal = 'no origin' | 'too often';

/**
 * The message as it is sent again: key, value and headers as they are, with one more redrive counted, and for the group that gave it up
 * only, so that others do not handle it twice. The partition follows from the key, as at the first time.
 */
export function toRedriven(
  { key, value, headers: list }: Delivery,
  { to, maxRedrives }: { readonly to: string | undefined; readonly maxRedrives: number },
): OutgoingRecord | Refusal {
  const headers = new MessageHeaders(list);
  const topic = to ?? headers.get(HEADER.originalTopic);
  if (topic === undefined) return 'no origin';
  const count = redrivesOf(headers);
  if (count >= maxRedrives) return 'too often';
  const group = headers.getBuffer(HEADER.originalGroup);
  const kept = list.filter(([name]) => name !== HEADER.redriveCount && name !== HEADER.targetGroup);
  const added: HeaderList = [
    [HEADER.redriveCount, Buffer.from(String(count + 1))],
    ...(group ? [[HEADER.targetGroup, group] as const] : []),
  ];
  return { topic, key, value, headers: [...kept, ...added] };
}

/** The group that remembers how far a redrive with this filter came; another filter begins anew. */
export function progressGroupOf(topic: string, filter: Filter, to: string | undefined): string {
  const { error, key, group, since, until } = filter;
  const words = [error, key, group, since?.given, until?.given, to];
  const hash = createHash('sha256').update(JSON.stringify(words));
  return `${topic}-redrive-${hash.digest('hex').slice(0, 8)}`;
}

function givenUpAt(headers: MessageHeaders, timestamp: number): number {
  const at = Number(headers.get(HEADER.lastFailureAt) ?? NaN);
  return Number.isFinite(at) ? at : timestamp;
}

function redrivesOf(headers: MessageHeaders): number {
  const count = Number(headers.get(HEADER.redriveCount) ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}
