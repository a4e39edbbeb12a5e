import type { KeyInput } from '../core/key.js';

/** Whether old messages go by age, or all but the newest of each key go. */
export type CleanupPolicy = 'delete' | 'compact' | 'compact,delete';

/** How payloads are written: as JSON, or as Avro after the schema of their class. */
export type TopicFormat = 'json' | 'avro';

/** When payloads are validated: on both ways, on one, or never. */
export type TopicValidation = boolean | 'send' | 'receive';

/** A class that describes payloads, by class-validator, by `@AvroModel`, or both. */
export type PayloadClass<Payload = unknown> = abstract new (...args: never[]) => Payload;

/** An Avro schema as JSON, as the Avro specification has it. */
export type AvroSchema =
  string | readonly AvroSchema[] | { readonly type: unknown; readonly [attribute: string]: unknown };

/**
 * A topic as a class with static fields. Extend `EventTopic`, `CommandTopic` or `StateTopic`; the class is then written where a
 * name would be, and its `schema` types what is sent and received.
 *
 * @example
 * ```ts
 * class UserEvents extends EventTopic {
 *   static readonly topicName = 'user-events';
 *   static readonly schema = UserEvent;
 *   static override readonly partitions = 3;
 *   static override readonly retentionMs = 604_800_000;
 * }
 * await producer.send({ topic: UserEvents, message: { userId: 1, action: 'login' }, key: 'user-1' });
 * ```
 */
export abstract class Topic {
  // `schema` and `keySchema` are not declared here: their types come from the subclass, and `TopicClass` says what they may be.

  /** Partitions when the topic is created; the broker's default without it. */
  static readonly partitions?: number;
  /** Copies of each partition when the topic is created; the broker's default without it. */
  static readonly replicationFactor?: number;
  /** How long messages are kept, in ms; the broker's default without it. */
  static readonly retentionMs?: number;
  static readonly cleanupPolicy: CleanupPolicy = 'delete';
  /** How payloads are written. `avro` needs a `schema` with `@AvroModel`. Both are read, whatever is written. */
  static readonly format: TopicFormat = 'json';
  /** Whether payloads are validated by the class-validator decorators of `schema`, when they are sent and when they are received. */
  static readonly validation: TopicValidation = true;
}

/** Things that happened. */
export abstract class EventTopic extends Topic {}

/** Things to be done. */
export abstract class CommandTopic extends Topic {}

/** The newest value of each key; older ones are compacted away. Each message needs a key. */
export abstract class StateTopic extends Topic {
  static override readonly cleanupPolicy: 'compact' | 'compact,delete' = 'compact';
}

/** The static side of a topic; any object of this shape will do. */
export interface TopicClass {
  readonly topicName: string;
  readonly partitions?: number | undefined;
  readonly replicationFactor?: number | undefined;
  readonly retentionMs?: number | undefined;
  readonly cleanupPolicy: CleanupPolicy;
  /** The payload's class. */
  readonly schema?: PayloadClass | undefined;
  /** Makes keys Avro: a class with `@AvroModel`, or an Avro schema such as `'long'`. Without it a key is text or bytes. */
  readonly keySchema?: PayloadClass | AvroSchema | undefined;
  readonly format?: TopicFormat | undefined;
  readonly validation?: TopicValidation | undefined;
  /** Schemas that were written before the one of `schema`, to read without a registry what is still there. */
  readonly olderSchemas?: readonly AvroSchema[] | undefined;
}

/** A topic by name or by class. */
export type TopicRef = string | TopicClass;

/**
 * The payload of a topic: what its `schema` makes; of a topic without one, and of a name, `unknown`.
 *
 * @example
 * ```ts
 * @Consumer({ topic: UserEvents })
 * async onUserEvent(event: MessageOf<typeof UserEvents>) {}
 * ```
 */
export type MessageOf<T> = T extends { readonly schema: PayloadClass<infer Payload> } ? Payload : unknown;

/** The key of a topic: what its `keySchema` says, else text or bytes. */
export type KeyOf<T> = T extends { readonly keySchema: infer Schema } ? KeyOfSchema<Schema> : KeyInput;

type KeyOfSchema<Schema> =
  Schema extends PayloadClass<infer Key>
    ? Key
    : Schema extends 'int' | 'long' | 'float' | 'double'
      ? number
      : Schema extends 'string'
        ? string
        : unknown;

export function topicNameOf(topic: TopicRef): string {
  return typeof topic === 'string' ? topic : topic.topicName;
}

export function isTopicRef(value: unknown): value is TopicRef {
  if (typeof value === 'string') return value.length > 0;
  if (typeof value !== 'function' && typeof value !== 'object') return false;
  const name: unknown = value === null ? undefined : (value as { topicName?: unknown }).topicName;
  return typeof name === 'string' && name.length > 0;
}

/** Whether only the newest message of each key is kept, so that one without a key has no place. */
export function isCompacted(topic: TopicRef): boolean {
  return typeof topic !== 'string' && topic.cleanupPolicy.startsWith('compact');
}
