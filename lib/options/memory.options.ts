import { avroOptions } from './avro.options.js';
import { MemoryBroker } from '../memory-broker/memory-broker.js';
import { registryOptions } from './registry.options.js';
import { custom, flag, integer, oneOf, type InputOf, type ResolvedOf } from './option.js';

export const memoryOptions = {
  /** A broker to share between connections or apps; without it each connection has its own. */
  broker: custom('a MemoryBroker', (value): value is MemoryBroker => value instanceof MemoryBroker),
  /** Whether a topic appears with its first use, as on a broker with auto-creation. */
  autoCreateTopics: flag({ default: true }),
  /** Partitions of a topic that nobody declared. */
  partitions: integer({ min: 1, default: 3 }),
  /** Longest that a send may take, in ms; a topic that is full makes it wait. */
  deliveryTimeoutMs: integer({ min: 1, default: 120_000 }),
  /** Largest message, in bytes of key, value and headers. */
  maxMessageBytes: integer({ min: 1, default: 1_048_576 }),
  /** Where a group without a position begins. */
  autoOffsetReset: oneOf(['earliest', 'latest', 'none'], { default: 'earliest' }),
  /** Most messages handed to a handler's queue at once. */
  maxPollRecords: integer({ min: 1, default: 500 }),
  ...registryOptions,
  ...avroOptions,
};

/** Options of an embedded connection: a broker in this process, for tests and demos. */
export type MemoryOptions = InputOf<typeof memoryOptions>;

export type ResolvedMemoryOptions = ResolvedOf<typeof memoryOptions>;
