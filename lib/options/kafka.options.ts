import { avroOptions } from './avro.options.js';
import { checkRegistryOptions, registryOptions } from './registry.options.js';
import { checkNative } from './kafka-native.js';
import { checkSecurity } from './kafka-security.js';
import { custom, flag, hosts, integer, object, oneOf, text, type InputOf, type ResolvedOf } from './option.js';
import type { SaslTokenProvider } from './sasl-token.js';

/** Where a registry is, as Confluent's runs by default. */
export const DEFAULT_REGISTRY_URL = 'http://localhost:8081';

/** librdkafka receives no more than the bound at once: room for answers about many partitions, and for batches of 1 MiB that were written before. */
const LEAST_BOUND = 4_194_304;

export const kafkaOptions = {
  /** Brokers to ask first for the cluster: `host:port`, several with commas or as an array. */
  bootstrapServers: hosts({ default: ['localhost:9092'] }),
  /** Names this application in the broker's logs and quotas; set explicitly, it is also the last resort for a group id. */
  clientId: text({ default: 'nestjs-messaging' }),
  /** The client library underneath: kafkajs, or librdkafka through `@confluentinc/kafka-javascript`. */
  backend: oneOf(['kafkajs', 'confluent'], { default: 'kafkajs' }),
  /** `false` builds no client: handlers are not started and a send rejects with `BrokerDisabledError`. */
  enabled: flag({ default: true }),
  /** How the brokers are spoken to: with or without TLS, with or without a login. */
  securityProtocol: oneOf(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'], { default: 'PLAINTEXT' }),
  /** How the login is made; needed with a `SASL_` protocol. */
  saslMechanism: oneOf(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']),
  /** The user that logs in; needed with a mechanism other than OAUTHBEARER. */
  saslUsername: text(),
  /** The password of that user; it is never printed. */
  saslPassword: text({ secret: true }),
  /**
   * Gets a token, for OAUTHBEARER: `async () => ({ value, expiresAt })`, the end in ms since the epoch. It is asked again before that, at three
   * quarters of the token's life; it may take 8 s.
   */
  saslTokenProvider: { ...custom('a function that returns a token', isTokenProvider), secret: true },
  /** A file with the certificates to trust (PEM); Node's own list without it. */
  sslCafile: text(),
  /** A file with this client's certificate (PEM), where the brokers ask for one; it needs `sslKeyfile`. */
  sslCertfile: text(),
  /** A file with the key of `sslCertfile` (PEM). */
  sslKeyfile: text(),
  /** Longest that one request may take, in ms, before its connection counts as broken. */
  requestTimeoutMs: integer({ min: 1, default: 30_000 }),
  /** First pause before a repeated request, in ms; it doubles up to 30 times its value. */
  retryBackoffMs: integer({ min: 1, default: 100 }),
  /** Longest that a send may take, in ms, waiting for the connection and all repeats included. */
  deliveryTimeoutMs: integer({ min: 1, default: 120_000 }),
  /** How long a send waits for company, in ms. 0 sends what one tick of the event loop collects. */
  lingerMs: integer({ default: 0 }),
  /** Bytes per partition that end the linger; with `confluent` also the largest batch: raise it for many messages of 1 kB and more. */
  maxBatchSize: integer({ min: 1, default: 16_384 }),
  /**
   * Whose copy a send waits for: that of all replicas in sync, or the leader's alone, with which a message is lost. Nobody's (`0`) is no
   * choice: what is sent without waiting for it is `sendFireAndForget`.
   */
  acks: oneOf(['all', 1], { default: 'all' }),
  /**
   * The broker writes each message once, however often its request is repeated. Without it: on with `confluent` and `acks: 'all'`, off with
   * `kafkajs`, where it costs one request for each partition.
   */
  enableIdempotence: flag(),
  /**
   * How a key chooses its partition: as Java's client and kafkajs do (`murmur2`), or as librdkafka and its children in Python, Go and C# do
   * by default (`crc32`). All senders to a topic need the same.
   */
  partitioner: oneOf(['murmur2', 'crc32'], { default: 'murmur2' }),
  /** Largest message, in bytes of key, value and headers; the broker's `max.message.bytes` may be lower. */
  maxMessageBytes: integer({ min: 1, default: 1_048_576 }),
  /**
   * How messages are compressed on their way and in the log. Reading needs no setting. With `kafkajs`, snappy needs the package `snappyjs`, lz4
   * `lz4js`, and zstd, where Node has none of its own (before 22.15), `@bokuweb/zstd-wasm`.
   */
  compressionType: oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd'], { default: 'none' }),
  /**
   * Largest batch of messages that is decompressed, in bytes of the result. A larger one is passed over with an error that names its offsets;
   * it stays in the topic. Without it: 64 MiB with `kafkajs`. librdkafka bounds zstd only, so with `confluent` a topic is refused whose settings
   * would let a batch become larger; kafkajs, which has to be installed beside it, asks for them: see the page on the two clients.
   */
  maxDecompressedBytes: integer({ min: 1 }),
  /** Where a group begins that has no position, or one that the log has not any more; with `none` its handlers stop with an `OffsetResetError`. */
  autoOffsetReset: oneOf(['earliest', 'latest', 'none'], { default: 'earliest' }),
  /** Whether messages of transactions that are open or aborted are handed over. */
  isolationLevel: oneOf(['read_committed', 'read_uncommitted'], { default: 'read_committed' }),
  /**
   * How the partitions are shared. `cooperative-sticky` (only with `confluent`) moves none that need not move; all members of a group
   * must use the same, so changing it means stopping them all.
   */
  assignor: oneOf(['roundrobin', 'cooperative-sticky'], { default: 'roundrobin' }),
  /**
   * The library keeps positions either way, and never of an unfinished message; `false` lets consumers acknowledge by themselves, unless they
   * say `ack: 'auto'`.
   */
  enableAutoCommit: flag({ default: true }),
  /** How often the positions of finished messages are committed, in ms. Lower repeats less after a crash. */
  autoCommitIntervalMs: integer({ min: 1, default: 5_000 }),
  /** Most messages handed to a handler's queue at once. */
  maxPollRecords: integer({ min: 1, default: 500 }),
  /** How long the group waits for a member's heartbeat, in ms, before it gives its partitions to others. */
  sessionTimeoutMs: integer({ min: 1, default: 10_000 }),
  /** How often a member tells that it lives, in ms; at most a third of `sessionTimeoutMs`. */
  heartbeatIntervalMs: integer({ min: 1, default: 3_000 }),
  /**
   * How long a member may take for a rebalance, its running handlers included, in ms, before the group goes on without it; with `confluent`
   * also how long the event loop may stand still. At least `sessionTimeoutMs`.
   */
  maxPollIntervalMs: integer({ min: 1, default: 60_000 }),
  /**
   * Names this process in its groups (only with `confluent`), so that it keeps its partitions over a restart that is shorter than
   * `sessionTimeoutMs`. No two processes may have the same.
   */
  groupInstanceId: text(),
  /**
   * Settings of the client library by its own names (librdkafka's, or kafkajs' `KafkaConfig` and `ConsumerConfig`), for what has no option
   * here. One that an option or the library itself decides is an error.
   */
  native: object(),
  ...registryOptions,
  /**
   * The schema registry for Avro: a URL, or several with commas, asked in turn. A user and password may stand in them. The default is asked for
   * what says that it is Avro: a topic class by its `format` or `keySchema`, `sendAvro`, `consume --avro`. A registry that is named is also
   * asked for whatever else arrives framed as Avro, which is given up without it.
   */
  schemaRegistryUrl: { ...registryOptions.schemaRegistryUrl, implied: DEFAULT_REGISTRY_URL },
  ...avroOptions,
};

/** Options of a Kafka connection. Each has a variable: `KAFKA_` and its name in upper snake case. */
export type KafkaOptions = InputOf<typeof kafkaOptions>;

export type ResolvedKafkaOptions = ResolvedOf<typeof kafkaOptions>;

/** Pairs that cannot work together. */
export function checkKafkaOptions(options: ResolvedKafkaOptions, path: string): string[] {
  return [
    ...heartbeatFaults(options, path),
    ...assignorFaults(options, path),
    ...groupInstanceFaults(options, path),
    ...acksFaults(options, path),
    ...checkNative(options, path),
    ...checkSecurity(options, path),
    ...boundFaults(options, path),
    ...checkRegistryOptions({ ...options, schemaRegistryUrl: options.schemaRegistryUrl ?? DEFAULT_REGISTRY_URL }, path),
  ];
}

function assignorFaults({ assignor, backend }: ResolvedKafkaOptions, path: string): string[] {
  if (assignor === 'roundrobin' || backend === 'confluent') return [];
  return [
    `\`${path}assignor\` is ${assignor}, which needs \`${path}backend: 'confluent'\`; it is ${backend}. Change one of them.`,
  ];
}

function groupInstanceFaults({ groupInstanceId, backend }: ResolvedKafkaOptions, path: string): string[] {
  if (groupInstanceId === undefined || backend === 'confluent') return [];
  return [
    `\`${path}groupInstanceId\` needs \`${path}backend: 'confluent'\`, since ${backend} has no static membership. Change the backend, or remove it.`,
  ];
}

function acksFaults({ acks, enableIdempotence }: ResolvedKafkaOptions, path: string): string[] {
  if (acks === 'all' || enableIdempotence !== true) return [];
  return [`\`${path}enableIdempotence\` needs \`${path}acks: 'all'\`; it is ${acks}. Change one of them.`];
}

function heartbeatFaults(options: ResolvedKafkaOptions, path: string): string[] {
  const { heartbeatIntervalMs: beat, sessionTimeoutMs: session, maxPollIntervalMs: poll } = options;
  return [
    ...(beat * 3 > session
      ? [
          `Expected \`${path}heartbeatIntervalMs\` (${beat}) to be at most a third of \`${path}sessionTimeoutMs\` (${session}), so that two lost heartbeats do not end the membership. Lower it or raise the session.`,
        ]
      : []),
    ...(poll < session
      ? [
          `Expected \`${path}maxPollIntervalMs\` (${poll}) to be at least \`${path}sessionTimeoutMs\` (${session}): a rebalance takes a session. Raise it or lower the session.`,
        ]
      : []),
  ];
}

/** librdkafka bounds what it makes of zstd by what it would receive at once. */
function boundFaults({ backend, maxDecompressedBytes, native = {} }: ResolvedKafkaOptions, path: string): string[] {
  if (backend === 'kafkajs' || maxDecompressedBytes === undefined) return [];
  const option = `\`${path}maxDecompressedBytes\``;
  const both = ['receive.message.max.bytes', 'fetch.max.bytes'].filter((key) => key in native);
  return [
    ...both.map((key) => `\`${path}native\` sets \`${key}\`, which ${option} decides. Remove one of them.`),
    ...(maxDecompressedBytes < LEAST_BOUND
      ? [`Expected ${option} (${maxDecompressedBytes}) to be at least ${LEAST_BOUND} with \`confluent\`. Raise it.`]
      : []),
  ];
}

function isTokenProvider(value: unknown): value is SaslTokenProvider {
  return typeof value === 'function';
}
