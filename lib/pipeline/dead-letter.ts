import { MessagingError } from '../core/errors.js';
import { HEADER } from '../core/header-names.js';
import type { HeaderList } from '../core/headers.js';
import type { OutgoingRecord } from '../core/message.js';
import { classNameOf, errorText } from './error-text.js';
import { carriedOn, type FailedAttempt, originHeaders, originOf, textHeaders } from './failure-record.js';

export interface DeadLetterOptions {
  readonly handlerName: string;
  readonly groupId: string;
  readonly dlqTopic: string;
  /** Whether a partition can be named. */
  readonly hasPartitions: boolean;
}

export interface Reason {
  /** Why, in a word or in the handler's own. */
  readonly reason: string;
  readonly error: Error;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Headers larger than a broker takes would make the dead letter itself undeliverable. */
const MAX_MESSAGE_LENGTH = 2_000;
const MAX_STACK_LENGTH = 8_000;

/** The message as it was given up: key, value and headers untouched, and headers that say where it came from and why. */
export function toDeadLetter(attempt: FailedAttempt, reason: Reason, options: DeadLetterOptions): OutgoingRecord {
  const headers = [
    ...originHeaders(attempt, options.groupId),
    ...reasonHeaders(attempt, reason, options),
    ...springHeaders(attempt, reason, options),
  ];
  const record = withoutSchedule(carriedOn(attempt, options.dlqTopic, headers));
  return options.hasPartitions ? { ...record, partition: originOf(attempt).partition } : record;
}

/** The second try of a dead letter that could not be written: smaller, and for any partition. */
export function toSmallDeadLetter({ partition: _any, ...record }: OutgoingRecord): OutgoingRecord {
  return { ...record, headers: record.headers.filter(([name]) => name !== 'kafka_dlt-exception-stacktrace') };
}

function reasonHeaders(
  { attempt, delivery }: FailedAttempt,
  { reason, error, at }: Reason,
  { handlerName }: DeadLetterOptions,
): HeaderList {
  return textHeaders({
    [HEADER.handler]: handlerName,
    [HEADER.reason]: reason,
    [HEADER.errorClass]: classNameOf(error),
    [HEADER.errorCode]: codeOf(error),
    [HEADER.errorMessage]: cut(errorText(error), MAX_MESSAGE_LENGTH),
    [HEADER.attempts]: attempt,
    [HEADER.deliveries]: delivery.deliveries,
    [HEADER.lastFailureAt]: at,
  });
}

/** What spring-kafka's DeadLetterPublishingRecoverer writes, in its encodings: big-endian integers, else UTF-8. Only where offsets are numbers. */
function springHeaders(attempt: FailedAttempt, { error }: Reason, { groupId }: DeadLetterOptions): HeaderList {
  const { topic, partition, offset, timestamp, group = groupId } = originOf(attempt);
  if (!/^\d+$/.test(offset)) return [];
  const cause = error.cause instanceof Error ? error.cause : undefined;
  return [
    ['kafka_dlt-original-topic', Buffer.from(topic, 'utf8')],
    ['kafka_dlt-original-partition', int32(partition)],
    ['kafka_dlt-original-offset', int64(BigInt(offset))],
    ['kafka_dlt-original-timestamp', int64(BigInt(timestamp))],
    ['kafka_dlt-original-timestamp-type', Buffer.from('CreateTime', 'utf8')],
    ['kafka_dlt-original-consumer-group', Buffer.from(group, 'utf8')],
    ...textHeaders({
      'kafka_dlt-exception-fqcn': classNameOf(error),
      'kafka_dlt-exception-cause-fqcn': cause?.name,
      'kafka_dlt-exception-message': cut(errorText(error), MAX_MESSAGE_LENGTH),
      'kafka_dlt-exception-stacktrace': cut(error.stack ?? '', MAX_STACK_LENGTH),
    }),
  ];
}

/** The attempt and the time of a retry topic: a redriven message begins anew. */
function withoutSchedule(record: OutgoingRecord): OutgoingRecord {
  return { ...record, headers: record.headers.filter(([name]) => name !== HEADER.attempt && name !== HEADER.dueAt) };
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { readonly code?: unknown };
  return error instanceof MessagingError || typeof code === 'string' ? String(code) : undefined;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}
