import { isTopicRef, type TopicRef } from '../topic/topic.js';
import { custom, flag, integer, oneOf, text, type InputOf, type ResolvedOf } from './option.js';
import { retryOptions, type RetryPolicy } from './retry.options.js';

const commonOptions = {
  /** The topic to read, by name or by class. */
  topic: topicRef(),
  /** The consumer group, exactly as written; the members of a group share the topic's messages. */
  groupId: text(),
  /** The connection to read from; the default connection without it. */
  broker: text(),
  /** Replaces the class name or `Class.method` in texts and in `handlers`. */
  name: text(),
  /** How many messages, or batches, are handled at once in this process. */
  concurrency: integer({ min: 1, default: 1 }),
  /** What keeps its order while `concurrency` is above 1: the messages of a key, of a partition, or nothing. */
  ordering: oneOf(['key', 'partition', 'none'], { default: 'key' }),
  /** Most messages that one call gets; above 1 the class needs `processBatch`, and a method gets an array. */
  batchSize: integer({ min: 1, default: 1 }),
  /** How long the first message of a batch waits for others, in ms. */
  batchTimeoutMs: integer({ min: 0, default: 1_000 }),
  /** Most unfinished messages a partition holds in memory; at the bound it pauses. */
  maxInFlight: integer({ min: 1, default: 1_000 }),
  /** Most bytes of unfinished messages a partition holds in memory; at the bound it pauses. */
  maxInFlightBytes: integer({ min: 1, default: 16_777_216 }),
  /**
   * How far the first unfinished message of a partition may lie behind the last one begun; beyond it the partition waits. It bounds what a
   * crash repeats.
   */
  maxUncommitted: integer({ min: 1, default: 100_000 }),
  /** Where a group without a position begins; with `none` that is an error. The connection's setting without it. */
  autoOffsetReset: oneOf(['earliest', 'latest', 'none']),
  ...retryOptions,
  /** The retry options as a policy that handlers share, instead of one by one. */
  retry: custom('an object of retry options', isObject),
  /** Where messages go that were given up; `<topic>-dlq` without it. */
  dlqTopic: topicRef(),
  /** Instead of a dead letter topic: `false` logs and drops what was given up, `'stop'` stops the handler. */
  deadLetter: oneOf([true, false, 'stop'], { default: true }),
  /** Deliveries after which a message counts as one that kills the process, and is given up, where the broker counts them. */
  maxDeliveries: integer({ min: 1, default: 5 }),
  /** The class of the payload, for pipes such as `ValidationPipe`; without it, what the compiler wrote of the parameter. */
  schema: custom('a class', isClass),
  /** The handler gets the bytes as a Buffer, and returns a Buffer. */
  raw: flag({ default: false }),
};

export const consumerOptions = {
  ...commonOptions,
  /** `manual`: the handler acknowledges by itself with `context.ack()`. */
  ack: oneOf(['auto', 'manual']),
  /** How long a handler that acknowledges by itself may take to do so after it has returned, in ms, before it is reported. */
  ackTimeoutMs: integer({ min: 1, default: 60_000 }),
};

export const workerOptions = {
  ...commonOptions,
  /** Where results go: they are written before the input counts as done. */
  outputTopic: topicRef(),
  /**
   * Results, dead letters and the position of the input are one transaction: who reads committed messages sees each result once, whatever
   * fails. It does not reach what the handler does elsewhere, as in a database.
   */
  exactlyOnce: flag({ default: false }),
  /** With `exactlyOnce`, how often what was handled is written, in ms: the delay of a result, and the work that a failure repeats. */
  transactionIntervalMs: integer({ min: 1, max: 60_000, default: 100 }),
};

type Options<Set, T> = Omit<InputOf<Set>, 'topic' | 'retry' | 'outputTopic'> & {
  readonly topic: T;
  readonly retry?: RetryPolicy | undefined;
};

/** What `@Consumer` takes. */
export type ConsumerOptions<T extends TopicRef = TopicRef> = Options<typeof consumerOptions, T>;

/** What `@Worker` takes. */
export type WorkerOptions<
  T extends TopicRef = TopicRef,
  Out extends TopicRef | undefined = TopicRef | undefined,
> = Options<typeof workerOptions, T> & { readonly outputTopic?: Out | undefined };

/** What a deployment may change of a handler, by the handler's name. */
export type HandlerOverrides = Partial<Omit<ConsumerOptions & WorkerOptions, 'name'>>;

export type ResolvedHandlerOptions = ResolvedOf<typeof consumerOptions> & ResolvedOf<typeof workerOptions>;

function topicRef() {
  return custom('a topic: a name that is not empty, or a class with a static `topicName`', isTopicRef);
}

function isClass(value: unknown): value is abstract new (...args: never[]) => unknown {
  return typeof value === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
