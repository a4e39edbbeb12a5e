import { longestDelay, type RetryPolicyValues } from '../core/retry-policy.js';
import { topicNameOf } from '../topic/topic.js';
import type { ResolvedHandlerOptions } from './handler.options.js';
import { retryOptions } from './retry.options.js';

export interface HandlerFacts {
  readonly name: string;
  readonly options: ResolvedHandlerOptions;
  /** Names of the options that somebody wrote, on the decorator or in `handlers`. */
  readonly given: ReadonlySet<string>;
  readonly retry: RetryPolicyValues & { readonly allowReorder: boolean };
  /** Whether its code takes arrays. */
  readonly hasBatch: boolean;
  /** Parts of each message that its code takes through pipes of their own. */
  readonly pipedParts: readonly string[];
  readonly isManual: boolean;
  readonly connection: string | undefined;
  /** Whether its connection hands over messages of transactions that are open or aborted. */
  readonly isUncommittedRead: boolean;
  /** Undefined while the connection is not known. */
  readonly features: HandlerFeatures | undefined;
}

/** What the broker can do, as far as handlers have options about it. */
export interface HandlerFeatures {
  readonly contiguous: boolean;
  readonly countsDeliveries: boolean;
  readonly countsDeaths: boolean;
  readonly transactions: boolean;
}

/** Options that cannot work together, or that would do nothing: each with its reason and cure. */
export function checkHandler(facts: HandlerFacts): string[] {
  return [batchFaults, retryFaults, deadLetterFaults, ackFaults, transactionFaults, featureFaults].flatMap((faultsOf) =>
    faultsOf(facts),
  );
}

function batchFaults({ name, options, given, hasBatch, pipedParts }: HandlerFacts): string[] {
  const { batchSize, maxInFlight } = options;
  return [
    ...when(
      batchSize > 1 && !hasBatch,
      `\`${name}.batchSize\` is ${batchSize}, which needs \`processBatch\`. Implement it, or set \`batchSize\` to 1.`,
    ),
    ...when(
      batchSize > 1 && pipedParts.length > 0,
      `\`${name}\` takes ${pipedParts.map((part) => `\`@Payload('${part}')\``).join(', ')} of a batch through a pipe, and each message goes through pipes as a whole. Take the message whole and convert the part in the handler, or set \`batchSize\` to 1.`,
    ),
    ...when(
      batchSize > maxInFlight,
      `\`${name}.batchSize\` (${batchSize}) is above \`maxInFlight\` (${maxInFlight}), so no batch could ever fill. Lower one or raise the other.`,
    ),
    ...when(
      batchSize === 1 && given.has('batchTimeoutMs'),
      noEffect(name, 'batchTimeoutMs', '`batchSize` is 1', 'Set `batchSize`, or remove it'),
    ),
  ];
}

function retryFaults({ name, options, given, retry }: HandlerFacts): string[] {
  const flat = Object.keys(retryOptions).filter((option) => given.has(option));
  const both = given.has('retry') && flat.length > 0;
  const hasTopics = retry.retryTopics.length > 0;
  const longest = longestDelay(retry);
  return [
    ...when(
      both,
      `\`${name}\` has both \`retry\` and ${flat.map((option) => `\`${option}\``).join(', ')}. Keep the policy, or the options one by one.`,
    ),
    ...when(
      !hasTopics && given.has('inPlaceRetryMaxMs'),
      noEffect(name, 'inPlaceRetryMaxMs', 'there are no `retryTopics`', 'Set them, or remove it'),
    ),
    ...when(
      !hasTopics && given.has('allowReorder'),
      noEffect(name, 'allowReorder', 'there are no `retryTopics`', 'Set them, or remove it'),
    ),
    ...when(
      hasTopics && options.ordering !== 'none' && !retry.allowReorder,
      `\`${name}.retryTopics\` let later messages pass the one that waits, and \`ordering\` is '${options.ordering}'. Set \`allowReorder: true\` if that is fine, or \`ordering: 'none'\`, or remove \`retryTopics\`.`,
    ),
    ...when(
      hasTopics && longest <= retry.inPlaceRetryMaxMs,
      `\`${name}.retryTopics\` would never be used: the longest delay is ${longest} ms, and up to \`inPlaceRetryMaxMs\` (${retry.inPlaceRetryMaxMs}) a message waits in place. Raise the delays, or remove \`retryTopics\`.`,
    ),
  ];
}

function deadLetterFaults({ name, options, given }: HandlerFacts): string[] {
  const { deadLetter, dlqTopic, topic } = options;
  const isSame = dlqTopic !== undefined && topic !== undefined && topicNameOf(dlqTopic) === topicNameOf(topic);
  return [
    ...when(
      deadLetter !== true && given.has('dlqTopic'),
      noEffect(name, 'dlqTopic', `\`deadLetter\` is ${JSON.stringify(deadLetter)}`, 'Remove one of them'),
    ),
    ...when(
      isSame,
      `\`${name}.dlqTopic\` is the topic that it reads, so what is given up would come again for ever. Name another.`,
    ),
  ];
}

function ackFaults({ name, given, isManual }: HandlerFacts): string[] {
  return when(
    !isManual && given.has('ackTimeoutMs'),
    noEffect(name, 'ackTimeoutMs', "`ack` is 'auto'", "Set `ack: 'manual'`, or remove it"),
  );
}

function transactionFaults({ name, options, given, connection, isUncommittedRead, features }: HandlerFacts): string[] {
  if (!options.exactlyOnce)
    return when(
      given.has('transactionIntervalMs'),
      noEffect(name, 'transactionIntervalMs', '`exactlyOnce` is false', 'Set `exactlyOnce: true`, or remove it'),
    );
  return [
    ...when(
      options.outputTopic === undefined,
      `\`${name}.exactlyOnce\` is true, and there is no \`outputTopic\`: it is about results, not about what the handler does elsewhere. Name one, or remove it.`,
    ),
    ...when(
      features?.transactions === false,
      `\`${name}.exactlyOnce\` is true, and connection \`${connection}\` has no transactions. Read from Kafka, or remove it.`,
    ),
    ...when(
      isUncommittedRead,
      `\`${name}.exactlyOnce\` is true, and connection \`${connection}\` has \`isolationLevel\` 'read_uncommitted', which also reads what is aborted. Set 'read_committed', or remove it.`,
    ),
  ];
}

function featureFaults({ name, given, features }: HandlerFacts): string[] {
  if (!features) return [];
  const uncounted = 'its broker does not count deliveries';
  const scattered = 'its broker settles each message by itself';
  return [
    ...when(
      !features.countsDeliveries && !features.countsDeaths && given.has('maxDeliveries'),
      noEffect(name, 'maxDeliveries', uncounted, 'Remove it'),
    ),
    ...when(
      !features.contiguous && given.has('maxUncommitted'),
      noEffect(name, 'maxUncommitted', scattered, 'Remove it'),
    ),
  ];
}

function noEffect(name: string, option: string, because: string, cure: string): string {
  return `\`${name}.${option}\` has no effect while ${because}. ${cure}.`;
}

function when(is: boolean, fault: string): string[] {
  return is ? [fault] : [];
}
