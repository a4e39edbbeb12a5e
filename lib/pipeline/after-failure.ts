import type { Attempt } from '../core/attempt.js';
import { DeserializationError, MessagingError } from '../core/errors.js';
import { ACK, type Settle, type Verdict } from '../core/outcome.js';
import { isRetryable, requestedDelay } from './classify.js';
import { toDeadLetter, toSmallDeadLetter } from './dead-letter.js';
import type { HandlerTarget } from './handler-target.js';
import type { PipelineOptions } from './pipeline-options.js';
import { delayBefore } from '../core/retry-policy.js';
import { retryLater } from './retry-record.js';

/** How long a partition rests when nothing of it can be read, in ms. */
const HOLD_MS = 2_000;

/** What a failure is about: the message as far as it was read, and whose hooks want to know. */
export interface Failure {
  readonly attempt: Attempt;
  readonly error: Error;
  readonly message?: unknown;
  /** Undefined when it was not read: then no hook can be told. */
  readonly target?: HandlerTarget | undefined;
  /** The handler asked for another attempt: no policy has to say whether one may help. */
  readonly asked?: { readonly afterMs: number | undefined };
}

/** What follows a failed attempt. */
export async function afterFailure(failure: Failure, options: PipelineOptions): Promise<Verdict> {
  const { attempt, error } = failure;
  const now = options.clock.now();
  if (error instanceof MessagingError && error.pausesPartition) return hold(attempt, error, options);
  attempt.firstFailureAt ??= now;
  if (!failure.asked && !mayRetry(failure, options))
    return giveUp(failure, error instanceof DeserializationError ? 'decode' : 'non-retryable', options);
  if (attempt.attempt > options.retry.maxRetries) return giveUp(failure, 'retries-exhausted', options);
  const delayMs =
    requestedDelay(error, now, failure.asked?.afterMs) ?? delayBefore(attempt.attempt, options.retry, options.random);
  options.report.retrying(attempt, delayMs, error);
  await tell('onRetry', options, () => failure.target?.onRetry?.(failure.message, error, attempt.attempt));
  const { retryTopics } = options;
  if (!retryTopics || delayMs <= options.retry.inPlaceRetryMaxMs) return { kind: 'retry', delayMs };
  const schedule = { attempt: attempt.attempt + 1, dueAt: now + delayMs, now };
  return retryLater(attempt, schedule, { groupId: options.groupId, retryTopics });
}

function hold(attempt: Attempt, error: Error, { report }: PipelineOptions): Verdict {
  report.held(attempt, error);
  return { kind: 'hold', delayMs: HOLD_MS };
}

/** The message is given up: a dead letter, or what the handler wants instead. */
export function giveUp(failure: Failure, reason: string, options: PipelineOptions): Verdict {
  const { attempt, error, message, target } = failure;
  const after = () => tell('onError', options, () => target?.onError?.(message, error));
  options.report.gaveUp(attempt, reason, error);
  switch (options.deadLetter.kind) {
    case 'drop':
      return { kind: 'settle', outcome: ACK, as: 'dropped', after };
    case 'stop':
      return { kind: 'stop', error };
    case 'topic': {
      const dlqTopic = options.deadLetter.topic;
      const record = toDeadLetter(attempt, { reason, error, at: options.clock.now() }, { ...options, dlqTopic });
      const settle: Settle = { kind: 'settle', outcome: { kind: 'deadLetter', record }, as: 'deadLettered', after };
      const small: Settle = { ...settle, outcome: { kind: 'deadLetter', record: toSmallDeadLetter(record) } };
      return { ...settle, recover: () => ({ ...small, recover: (cause) => ({ kind: 'stop', error: cause }) }) };
    }
  }
}

/** Calls a hook; one that throws changes nothing. */
export async function tell(name: string, { handlerName, log }: PipelineOptions, hook: () => unknown): Promise<void> {
  try {
    await hook();
  } catch (error) {
    log.error(`${handlerName}.${name} threw: ${(error as Error).message}`, (error as Error).stack);
  }
}

export function place({ delivery }: Attempt): string {
  return `${delivery.partition.topic}/${delivery.partition.index} offset ${delivery.offset}`;
}

/** A `retryIf` that throws leaves the decision to the rest of the policy. */
function mayRetry({ error, target }: Failure, { retry, log, handlerName }: PipelineOptions): boolean {
  const isRefused = target?.isRefusal?.(error) ?? false;
  try {
    return isRetryable(error, retry, isRefused);
  } catch (thrown) {
    log.error(`${handlerName}: retryIf threw, the default applies: ${(thrown as Error).message}`);
    return isRetryable(error, { ...retry, retryIf: undefined }, isRefused);
  }
}
