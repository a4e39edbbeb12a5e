import type { HandlerOverrides } from './handler.options.js';
import {
  resolveConnections,
  unknownConnection,
  type ConnectionOptions,
  type ResolvedConnection,
} from './connection.options.js';
import type { KafkaOptions } from './kafka.options.js';
import type { MemoryOptions } from './memory.options.js';
import type { RedisOptions } from './redis.options.js';
import { flag, integer, oneOf, text, type InputOf, type ResolvedOf } from './option.js';
import { resolveOptions, unknownNames, type Environment } from './resolve-options.js';

export const messagingOptions = {
  /** The default connection. Without it: `MESSAGING_BROKER`, else the only one configured here, else `kafka`. */
  broker: text(),
  /** The consumer group of handlers that name none. Also `MESSAGING_GROUP_ID`. */
  groupId: text(),
  /** Whether a broker that cannot be reached at start makes the start fail; else it is retried in the background. */
  failFast: flag({ default: false }),
  /** Missing topics of handlers and topic classes are created, or reported as an error (`verify`), or not looked at. */
  ensureTopics: oneOf(['create', 'verify', false], { default: 'create' }),
  /**
   * Whether app-wide guards, pipes, interceptors and filters run for messages too. `auto`: in a pure microservice they do, in an app that
   * serves HTTP they do not, since they are written for requests there.
   */
  globalEnhancers: oneOf(['auto', true, false], { default: 'auto' }),
  /** How long running handlers may go on while the app closes, in ms. Kubernetes kills after 30,000. */
  shutdownTimeoutMs: integer({ min: 1, default: 20_000 }),
  /** How long running handlers may go on after their partitions are to be given to another member, in ms. */
  drainTimeoutMs: integer({ min: 1, default: 30_000 }),
  /** Most bytes of unfinished messages that all handlers hold in memory together; at the bound their partitions pause. */
  maxBufferBytes: integer({ min: 1, default: 134_217_728 }),
  /** Most messages that wait to be sent; above it `send` waits and `sendFireAndForget` drops. */
  maxPendingMessages: integer({ min: 1, default: 10_000 }),
  /** Most bytes that wait to be sent; above it `send` waits and `sendFireAndForget` drops. */
  maxPendingBytes: integer({ min: 1, default: 33_554_432 }),
};

/**
 * What `MessagingModule.forRoot` takes.
 *
 * @example
 * ```ts
 * MessagingModule.forRoot({ groupId: 'orders', kafka: { bootstrapServers: 'localhost:9092' } })
 * ```
 */
export interface MessagingOptions extends InputOf<typeof messagingOptions> {
  readonly kafka?: KafkaOptions | undefined;
  readonly redis?: RedisOptions | undefined;
  readonly memory?: MemoryOptions | undefined;
  /** More connections, by name: `{ eu: { kind: 'kafka', bootstrapServers: '…' } }`. */
  readonly connections?: Readonly<Record<string, ConnectionOptions>> | undefined;
  /** Changes of handlers by their names, as a deployment needs them: `{ TaskWorker: { concurrency: 8 } }`. */
  readonly handlers?: Readonly<Record<string, HandlerOverrides>> | undefined;
}

export interface ResolvedMessagingOptions extends ResolvedOf<typeof messagingOptions> {
  /** The default connection. */
  readonly broker: string;
  readonly connections: ReadonlyMap<string, ResolvedConnection>;
  readonly handlers: Readonly<Record<string, HandlerOverrides>>;
  /** What is wrong. Nothing may be opened while there is any. */
  readonly faults: readonly string[];
}

/** Options > environment > defaults; collects every fault instead of throwing at the first. */
export function resolveMessagingOptions(
  input: MessagingOptions,
  env: Environment = process.env,
): ResolvedMessagingOptions {
  const faults: string[] = [];
  const { kafka, redis, memory, connections: named = {}, handlers = {}, ...root } = input;
  const variables: Readonly<Record<string, string>> = { broker: 'MESSAGING_BROKER', groupId: 'MESSAGING_GROUP_ID' };
  const own = resolveOptions(messagingOptions, {
    path: '',
    input: root,
    env,
    variable: (name) => variables[name],
    faults,
  });
  const connections = resolveConnections({ kafka, redis, memory }, named, { env, faults });
  const broker = own.broker ?? onlyConfigured({ kafka, redis, memory, ...named }) ?? 'kafka';
  if (!connections.has(broker) && !Object.hasOwn(named, broker))
    faults.push(unknownConnection('broker', broker, connections.keys()));
  return { ...own, broker, connections, handlers, faults };
}

/** Unknown names of `handlers`; known only once the handlers are found. */
export function unknownHandlers(overrides: Readonly<Record<string, unknown>>, names: readonly string[]): string[] {
  return unknownNames(Object.keys(overrides), names, 'handlers.');
}

function onlyConfigured(connections: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(connections).filter((name) => connections[name] !== undefined);
  return names.length === 1 ? names[0] : undefined;
}
