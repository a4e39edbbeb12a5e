import type { Attempt } from '../core/attempt.js';
import { HEADER } from '../core/header-names.js';
import { ACK, type Verdict } from '../core/outcome.js';
import { giveUp, place } from './after-failure.js';
import type { PipelineOptions } from './pipeline-options.js';
import { retryLater } from './retry-record.js';

/** What is decided without the handler; undefined when it is to be called. */
export function beforeHandling(attempt: Attempt, options: PipelineOptions): Verdict | undefined {
  const { headers, deliveries } = attempt.delivery;
  if (deliveries > options.maxDeliveries) return killsTheProcess(attempt, options);
  if (headers.length === 0) return undefined;
  const targetGroup = headers.find(([name]) => name === HEADER.targetGroup)?.[1].toString('utf8');
  if (targetGroup !== undefined && targetGroup !== options.groupId)
    return { kind: 'settle', outcome: ACK, as: 'skipped' };
  return stillTooEarly(attempt, options);
}

function killsTheProcess(attempt: Attempt, options: PipelineOptions): Verdict {
  const { deliveries } = attempt.delivery;
  const text = `${place(attempt)} was delivered ${deliveries} times and never finished; \`maxDeliveries\` is ${options.maxDeliveries}. Its handler seems to end the process.`;
  attempt.firstFailureAt ??= options.clock.now();
  return giveUp({ attempt, error: new Error(text) }, 'max-deliveries', options);
}

/** A delay longer than the longest retry topic is waited for in several rounds. */
function stillTooEarly(attempt: Attempt, options: PipelineOptions): Verdict | undefined {
  const { retryTopics, groupId, clock } = options;
  if (!retryTopics || attempt.attempt === 1) return undefined;
  const dueAt = Number(attempt.delivery.headers.find(([name]) => name === HEADER.dueAt)?.[1].toString('utf8'));
  const now = clock.now();
  if (!(dueAt > now)) return undefined;
  return retryLater(attempt, { attempt: attempt.attempt, dueAt, now }, { groupId, retryTopics });
}
