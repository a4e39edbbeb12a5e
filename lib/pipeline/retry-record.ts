import type { Attempt } from '../core/attempt.js';
import { HEADER } from '../core/header-names.js';
import type { Settle } from '../core/outcome.js';
import { carriedOn, originHeaders, textHeaders } from './failure-record.js';

/** The topics of a handler for messages that wait longer than it lets them wait in place. */
export interface RetryTopics {
  /** One topic for all delays, on a broker that keeps messages back until they are due; else one for each of `steps`. */
  readonly nameOf: (stepMs: number) => string;
  /** In ms, rising. */
  readonly steps: readonly number[];
}

export interface RetryRecordOptions {
  readonly groupId: string;
  readonly retryTopics: RetryTopics;
}

/** When the next attempt is to be made. */
export interface Schedule {
  /** The number of that attempt. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly dueAt: number;
  readonly now: number;
}

/** The message goes to the topic of the smallest delay that is long enough, else of the largest, from where it is parked again. */
export function retryLater(attempt: Attempt, schedule: Schedule, options: RetryRecordOptions): Settle {
  const { steps, nameOf } = options.retryTopics;
  const { dueAt, now } = schedule;
  const step = steps.find((ms) => ms >= dueAt - now) ?? (steps.at(-1) as number);
  const headers = textHeaders({ [HEADER.attempt]: schedule.attempt, [HEADER.dueAt]: dueAt });
  const record = carriedOn(attempt, nameOf(step), [...originHeaders(attempt, options.groupId), ...headers]);
  return { kind: 'settle', outcome: { kind: 'retryLater', record, dueAt }, as: 'parked' };
}
