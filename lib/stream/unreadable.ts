import type { Clock } from '../core/clock.js';
import type { Delivery } from '../core/delivery.js';
import { HEADER } from '../core/header-names.js';
import type { Log } from '../core/log.js';
import type { Outcome } from '../core/outcome.js';
import { toDeadLetter } from '../pipeline/dead-letter.js';
import { deadLetterTopicOf } from '../topic/topic-names.js';
import type { Waiting } from './stream-queue.js';

export interface UnreadableParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly request: { readonly groupId: string };
  readonly hasPartitions: boolean;
}

/** Whether a message names another group, as a redriven one does. */
export function isForAnother({ headers }: Delivery, groupId: string): boolean {
  const target = headers.find(([name]) => name === HEADER.targetGroup)?.[1].toString('utf8');
  return target !== undefined && target !== groupId;
}

/** What becomes of a message that nobody can read. */
export function unreadable({ delivery, attempt }: Waiting, error: Error, parts: UnreadableParts): Outcome {
  const { clock, log, hasPartitions } = parts;
  const { groupId } = parts.request;
  const { topic, index } = delivery.partition;
  log.error(
    `Stream of group ${groupId}: ${topic}/${index} offset ${delivery.offset} is given up (decode): ${error.message}`,
  );
  const at = clock.now();
  const options = { handlerName: 'MessageStream', groupId, dlqTopic: deadLetterTopicOf(topic), hasPartitions };
  const record = toDeadLetter({ delivery, attempt, firstFailureAt: at }, { reason: 'decode', error, at }, options);
  return { kind: 'deadLetter', record };
}
