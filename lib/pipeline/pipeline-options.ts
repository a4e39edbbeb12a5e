import type { Attempt } from '../core/attempt.js';
import type { Clock } from '../core/clock.js';
import type { Log } from '../core/log.js';
import type { Serializer } from '../serialization/serializer.js';
import type { TargetSource } from './handler-target.js';
import type { RetryPolicyValues } from '../core/retry-policy.js';
import type { TopicRef } from '../topic/topic.js';
import type { Instrument } from './instrument.js';
import type { OutputFormats } from './output.js';
import type { RetryTopics } from './retry-record.js';

/** Where a message goes that is given up. */
export type DeadLetterPolicy =
  { readonly kind: 'topic'; readonly topic: string } | { readonly kind: 'drop' } | { readonly kind: 'stop' };

/** A handler with its policy, as the pipeline needs it. */
export interface PipelineOptions {
  readonly handlerName: string;
  readonly groupId: string;
  readonly outputTopic: TopicRef | undefined;
  /** Reads the input. */
  readonly serializer: Serializer;
  readonly outputs: OutputFormats;
  readonly retry: RetryPolicyValues;
  readonly retryTopics: RetryTopics | undefined;
  readonly deadLetter: DeadLetterPolicy;
  /** Deliveries after which a message counts as one that kills the process. */
  readonly maxDeliveries: number;
  /** Whether a dead letter can name its partition. */
  readonly hasPartitions: boolean;
  readonly isManual: boolean;
  readonly ackTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly target: TargetSource;
  readonly instrument?: Instrument | undefined;
  readonly report: PipelineReport;
}

/** What others want to know of an attempt. */
export interface PipelineReport {
  /** Another attempt follows. */
  retrying(attempt: Attempt, delayMs: number, error: Error): void;
  /** No other attempt follows; the dead letter policy says where the message goes. */
  gaveUp(attempt: Attempt, reason: string, error: Error): void;
  /** Nothing of the partition can be read for now. */
  held(attempt: Attempt, error: Error): void;
  /** A message was not acknowledged in time by a handler that does it by itself. */
  ackOverdue(attempt: Attempt): void;
}
