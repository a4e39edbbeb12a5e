import { isTopicRef, type TopicRef } from '../topic/topic.js';
import { custom, flag, integer, oneOf, text, type InputOf } from './option.js';

export const streamOptions = {
  /** The topics to read, by name or by class. */
  topics: custom('an array of topics, with one at least', isTopicRefs),
  /** The consumer group; the members of a group share the topics' messages. The module's without it. */
  groupId: text(),
  /** The connection to read from; the default connection without it. */
  broker: text(),
  /** Most messages that are handed out and not acknowledged; at the bound the stream waits. */
  maxInFlight: integer({ min: 1, default: 1_000 }),
  /** How far the first unacknowledged message of a partition may lie behind the last one handed out. */
  maxUncommitted: integer({ min: 1, default: 100_000 }),
  /** Where a group without a position begins; with `none` that is an error. The connection's setting without it. */
  autoOffsetReset: oneOf(['earliest', 'latest', 'none']),
  /** How long a message that was given back waits before it comes again, in ms. */
  initialDelayMs: integer({ min: 0, default: 1_000 }),
  /** Messages come as their bytes, in a Buffer. */
  raw: flag({ default: false }),
};

type Input = InputOf<typeof streamOptions>;

/** What `ConsumerService.open` takes. */
export interface StreamOptions extends Omit<Input, 'topics'> {
  readonly topics: readonly TopicRef[];
}

function isTopicRefs(value: unknown): value is readonly TopicRef[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTopicRef);
}
