import { avroOptions } from './avro.options.js';
import { checkRegistryOptions, registryOptions } from './registry.options.js';
import { flag, integer, oneOf, option, text, type InputOf, type ResolvedOf } from './option.js';

/** Such an address may hold a password, so it is never shown. */
const address = {
  ...option(
    { default: 'redis://localhost:6379' },
    {
      expects: 'an address like `redis://[user:password@]host:port/db`, or `rediss://` for TLS',
      accepts: (value): value is string => typeof value === 'string' && isAddress(value),
    },
  ),
  secret: true,
};

export const redisOptions = {
  /** Where the server is: `redis://[user:password@]host:port/db`, or `rediss://` with TLS. Also `REDIS_URL`. */
  url: address,
  /** Names this application in the server's client list and in the names of its group members. */
  clientId: text({ default: 'nestjs-messaging' }),
  /** Before the name of every key; without it a topic's stream has the topic's name, so that other programs find it. */
  prefix: text(),
  /** `false` builds no client: handlers are not started and a send rejects with `BrokerDisabledError`. */
  enabled: flag({ default: true }),
  /** A file with the certificates to trust (PEM); Node's own list without it. */
  sslCafile: text(),
  /** A file with this client's certificate (PEM), where the server asks for one; it needs `sslKeyfile`. */
  sslCertfile: text(),
  /** A file with the key of `sslCertfile` (PEM). */
  sslKeyfile: text(),
  /** Longest that one request may take, in ms, before its connection counts as broken. */
  requestTimeoutMs: integer({ min: 100, default: 10_000 }),
  /** Longest that a send may take, in ms, waiting for the connection and all repeats included. */
  deliveryTimeoutMs: integer({ min: 1, default: 120_000 }),
  /** Largest message, in bytes of key, value and headers. */
  maxMessageBytes: integer({ min: 1, default: 1_048_576 }),
  /** How long the server remembers an `idempotencyKey`, in ms. */
  dedupeTtlMs: integer({ min: 1, default: 60_000 }),
  /**
   * How entries are written and read: this library's own fields; `faststream-json`, the `__data__` of Python's FastStream; or `redpanda`, as
   * Redpanda Connect's `redis_streams` have it. All members and senders of a topic need the same.
   */
  entryFormat: oneOf(['default', 'faststream-json', 'redpanda'], { default: 'default' }),
  /** The field of an entry that holds the value, for peers that call it otherwise. With `redpanda` it is `body` unless its `body_key` says otherwise. */
  payloadField: { ...text(), implied: 'data' },
  /** How long messages of topics without a `retentionMs` of their own are kept, in ms, read or not; Kafka's default of 7 days. */
  retentionMs: integer({ min: 1, default: 604_800_000 }),
  /** Most entries of a stream; older ones go, read or not. */
  maxLen: integer({ min: 1 }),
  /** Where a group without a position begins. */
  autoOffsetReset: oneOf(['earliest', 'latest'], { default: 'earliest' }),
  /** Most messages handed to a handler's queue at once. */
  maxPollRecords: integer({ min: 1, default: 500 }),
  /** Most bytes of unfinished messages of a stream that are read ahead. */
  prefetchBytes: integer({ min: 1, default: 8_388_608 }),
  /** How long a read waits on an empty stream, in ms; it also bounds how late a broken connection is noticed. */
  blockMs: integer({ min: 100, default: 5_000 }),
  /** How long a member may be silent, in ms, before others take its messages. It tells that it lives three times as often. */
  claimIdleMs: integer({ min: 300, default: 30_000 }),
  /** How long a member keeps a partition without renewing, in ms; it renews three times as often. For topics with `partitions`. */
  leaseMs: integer({ min: 300, default: 15_000 }),
  ...registryOptions,
  ...avroOptions,
};

/** Options of a Redis connection. */
export type RedisOptions = InputOf<typeof redisOptions>;

export type ResolvedRedisOptions = ResolvedOf<typeof redisOptions>;

/** Pairs that cannot work together. */
export function checkRedisOptions(options: ResolvedRedisOptions, path: string): string[] {
  return [...tlsFaults(options, path), ...formatFaults(options, path), ...checkRegistryOptions(options, path)];
}

function tlsFaults(options: ResolvedRedisOptions, path: string): string[] {
  const { url, sslCertfile, sslKeyfile } = options;
  const names = (['sslCafile', 'sslCertfile', 'sslKeyfile'] as const).filter((name) => options[name] !== undefined);
  if (!url.startsWith('rediss:'))
    return names.map(
      (name) => `\`${path}${name}\` has no effect without TLS. Write \`${path}url\` with rediss://, or remove it.`,
    );
  if ((sslCertfile === undefined) === (sslKeyfile === undefined)) return [];
  return [`\`${path}sslCertfile\` and \`${path}sslKeyfile\` belong together. Set both, or neither.`];
}

function formatFaults({ entryFormat, payloadField }: ResolvedRedisOptions, path: string): string[] {
  if (entryFormat !== 'faststream-json' || payloadField === undefined) return [];
  return [
    `\`${path}payloadField\` has no effect with \`${path}entryFormat: 'faststream-json'\`, whose field is \`__data__\`. Remove one of them.`,
  ];
}

function isAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, pathname } = new URL(value);
  return (protocol === 'redis:' || protocol === 'rediss:') && hostname !== '' && /^\/?\d*$/.test(pathname);
}
