import type { RetryPolicyValues } from '../core/retry-policy.js';
import type { DispatcherOptions } from '../dispatch/dispatcher.js';
import type { OffsetReset } from '../driver/driver.js';
import type { TargetSource } from '../pipeline/handler-target.js';
import type { DeadLetterPolicy } from '../pipeline/pipeline-options.js';
import type { TopicClass, TopicRef } from '../topic/topic.js';

/** A decorated method or class as a plain object, with all that was to decide decided. */
export interface HandlerDefinition {
  /** The class name, `Class.method`, or `name`. */
  readonly name: string;
  /** Where it stands, for texts: `TaskWorker.process in AppModule`. */
  readonly place: string;
  readonly connection: string;
  readonly topic: string;
  readonly groupId: string;
  readonly outputTopic: string | undefined;
  /** The topics as the handler names them: a class says how its payloads are read and written. */
  readonly refs: { readonly topic: TopicRef; readonly outputTopic: TopicRef | undefined };
  readonly deadLetter: DeadLetterPolicy;
  readonly retry: RetryPolicyValues;
  /** Topics that its messages wait in, with the delay that each is for, in ms. */
  readonly retryTopics: ReadonlyMap<string, number>;
  readonly autoOffsetReset: OffsetReset;
  readonly maxUncommitted: number;
  /** Of a handler with `exactlyOnce`, in ms. */
  readonly transactionIntervalMs: number | undefined;
  readonly maxDeliveries: number;
  readonly dispatch: DispatcherOptions;
  readonly ackTimeoutMs: number;
  readonly raw: boolean;
  /** Topic classes that the handler names, for creation. */
  readonly topicClasses: readonly TopicClass[];
  /** The user's code; asked for once, when the handler starts: what else the app has around it is known only then. */
  readonly openTarget: () => TargetSource;
}
