import type { AvroSchema, CleanupPolicy, KeyOf, MessageOf, TopicRef } from '../topic/topic.js';
import type { SendOptions } from './to-record.js';

/** A topic that keeps the newest message of each key takes none without one. */
export type KeyPart<T, Key> = T extends { readonly cleanupPolicy: Exclude<CleanupPolicy, 'delete'> }
  ? { readonly key: NonNullable<Key> }
  : { readonly key?: Key | null | undefined };

/** What `send` takes. A topic class with a `schema` types the message, and one with a `keySchema` the key. */
export type SendRequest<T extends TopicRef = TopicRef> = SendOptions<T> & {
  /** The payload: plain data, or an instance of the topic's schema; `null` is a tombstone. */
  readonly message: NoInfer<MessageOf<T>> | null;
  /** A second message of this key, within the connection's `dedupeTtlMs`, is not written: the answer is that of the first. Redis only. */
  readonly idempotencyKey?: string | undefined;
} & KeyPart<T, NoInfer<KeyOf<T>>>;

/** What `sendBatch` takes; everything but the key is the same for all messages. */
export type SendBatchRequest<T extends TopicRef = TopicRef, Message = NoInfer<MessageOf<T>>> = SendOptions<T> & {
  readonly messages: readonly (Message | null)[];
} & KeyPart<
    T,
    /** One key for all, or a function of the message and its index. */
    NoInfer<KeyOf<T>> | ((message: Message, index: number) => NoInfer<KeyOf<T>> | null | undefined)
  >;

/** What `sendAvro` takes. */
export type SendAvroRequest<T extends TopicRef = TopicRef> = SendRequest<T> & {
  /** The schema to write with; without it, that of the topic's `schema`, or of the message's class. */
  readonly schema?: AvroSchema | undefined;
};
