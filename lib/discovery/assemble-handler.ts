import type { RetryPolicyValues } from '../core/retry-policy.js';
import type { Features } from '../driver/driver.js';
import type { ResolvedConnection } from '../options/connection.options.js';
import type { ResolvedHandlerOptions } from '../options/handler.options.js';
import type { DeadLetterPolicy } from '../pipeline/pipeline-options.js';
import { deadLetterTopicOf, retryStepTopicOf, retryTopicOf } from '../topic/topic-names.js';
import { topicNameOf, type TopicClass, type TopicRef, type TopicValidation } from '../topic/topic.js';
import type { HandlerDefinition } from '../worker/handler-definition.js';
import type { FoundHandler } from './define-handler.js';

export interface Assembly {
  readonly found: FoundHandler;
  readonly name: string;
  readonly own: ResolvedHandlerOptions;
  readonly topicRef: TopicRef;
  readonly connection: ResolvedConnection;
  readonly groupId: string;
  readonly retry: RetryPolicyValues;
  readonly isManual: boolean;
  readonly features: Features;
}

/** The definition of a handler whose options have no faults. */
export function assembleHandler(assembly: Assembly): HandlerDefinition {
  const { found, name, own, topicRef, connection, groupId, retry } = assembly;
  const topic = topicNameOf(topicRef);
  const refs = [topicRef, own.outputTopic, own.dlqTopic];
  return {
    name,
    place: found.place,
    connection: connection.name,
    topic,
    groupId,
    outputTopic: own.outputTopic && topicNameOf(own.outputTopic),
    refs: { topic: topicRef, outputTopic: own.outputTopic },
    deadLetter: deadLetterPolicy(own, topic),
    retry,
    retryTopics: retryTopics(topic, assembly),
    autoOffsetReset: own.autoOffsetReset ?? connection.options.autoOffsetReset,
    maxUncommitted: own.maxUncommitted,
    transactionIntervalMs: own.exactlyOnce ? own.transactionIntervalMs : undefined,
    maxDeliveries: own.maxDeliveries,
    dispatch: dispatchOptions(assembly),
    ackTimeoutMs: own.ackTimeoutMs,
    raw: own.raw,
    topicClasses: refs.filter((ref): ref is TopicClass => ref !== undefined && typeof ref !== 'string'),
    openTarget: () => found.openTarget({ ...payloadOf(own, topicRef), isBatch: own.batchSize > 1 }),
  };
}

/** What the payload is, and whether the topic has validated it as that: what it validated is not validated again. */
function payloadOf({ schema: own, raw }: ResolvedHandlerOptions, topic: TopicRef) {
  const ofTopic = schemaOf(topic);
  const schema: unknown = own ?? ofTopic;
  const { validation = true } = topic as { readonly validation?: TopicValidation };
  const isReceiving = validation === true || validation === 'receive';
  return { schema, isValidated: !raw && isReceiving && ofTopic !== undefined && schema === ofTopic };
}

/** Of a topic class that names one; it is not among what every topic has. */
function schemaOf(topic: TopicRef): unknown {
  const { schema } = topic as { readonly schema?: unknown };
  return typeof schema === 'function' ? schema : undefined;
}

function dispatchOptions({ own, isManual }: Assembly): HandlerDefinition['dispatch'] {
  const { concurrency, ordering, maxInFlight, maxInFlightBytes, batchSize, batchTimeoutMs } = own;
  return {
    concurrency,
    ordering,
    maxInFlight,
    maxInFlightBytes,
    batchSize,
    batchTimeoutMs,
    isBatch: batchSize > 1,
    isManual,
    isTransactional: own.exactlyOnce,
  };
}

function deadLetterPolicy({ deadLetter, dlqTopic }: ResolvedHandlerOptions, topic: string): DeadLetterPolicy {
  if (deadLetter === 'stop') return { kind: 'stop' };
  if (!deadLetter) return { kind: 'drop' };
  return { kind: 'topic', topic: dlqTopic ? topicNameOf(dlqTopic) : deadLetterTopicOf(topic) };
}

function retryTopics(topic: string, { retry, groupId, features }: Assembly): ReadonlyMap<string, number> {
  const nameOf = (step: number) =>
    features.delayed ? retryTopicOf(topic, groupId) : retryStepTopicOf(topic, groupId, step);
  return new Map(retry.retryTopics.map((step) => [nameOf(step), step]));
}
