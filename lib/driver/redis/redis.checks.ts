import type { Redis } from 'ioredis';
import { settledWithin } from '../../core/clock.js';
import {
  AuthorizationError,
  BrokerUnavailableError,
  ReadOnlyReplicaError,
  UnsupportedByBrokerError,
  type MessagingError,
} from '../../core/errors.js';
import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import type { DriverContext } from '../driver.js';
import type { RedisClients } from './redis.client.js';
import { toMessagingError } from './redis.errors.js';

const OLDEST_VERSION = 7;
/** Redis takes no smaller `proto-max-bulk-len`. */
const SMALLEST_LIMIT = 1_048_576;

/**
 * What the driver needs, harmlessly: the key does not exist, or not for longer than these take. Commands that complain about that are
 * allowed; only a missing permission counts.
 */
function neededCommands(key: string): readonly (readonly string[])[] {
  return [
    ['XADD', key, 'NOMKSTREAM', '*', 'a', 'b'],
    ['XREADGROUP', 'GROUP', 'g', 'm', 'COUNT', '1', 'STREAMS', key, '>'],
    ['XACK', key, 'g', '1-1'],
    ['XCLAIM', key, 'g', 'm', '0', '1-1'],
    ['XPENDING', key, 'g'],
    ['XGROUP', 'DESTROY', key, 'g'],
    ['XINFO', 'STREAM', key],
    ['XRANGE', key, '-', '+', 'COUNT', '1'],
    ['XREVRANGE', key, '+', '-', 'COUNT', '1'],
    ['XTRIM', key, 'MAXLEN', '1'],
    ['XDEL', key, '1-1'],
    ['ZADD', key, 'XX', '1', 'a'],
    ['ZRANGE', key, '0', '0'],
    ['ZREM', key, 'a'],
    ['HGETALL', key],
    ['HSETNX', key, 'a', '1'],
    ['HSET', key, 'a', '1'],
    ['HDEL', key, 'a'],
    ['DEL', key],
    ['GET', key],
    ['SET', key, '1', 'XX'],
    ['ZCARD', key],
    ['XLEN', key],
    ['TYPE', key],
    ['EVAL', 'return 1', '0'],
    ['EVALSHA', '0'.repeat(40), '0'],
    ['CLIENT', 'ID'],
    ['CLIENT', 'UNBLOCK', '0'],
    ['XREAD', 'COUNT', '1', 'STREAMS', key, '$'],
    ['HGET', key, 'a'],
    ['ZSCORE', key, 'a'],
    ['ZREMRANGEBYSCORE', key, '1', '0'],
    ['ZREMRANGEBYRANK', key, '1', '0'],
    ['EXISTS', key],
    ['TIME'],
  ];
}

/**
 * One attempt to reach the server, with what would go wrong later found now.
 * @throws MessagingError: unreachable, wrong login, no certificate, a read-only replica, a cluster, a version too old, missing permissions.
 */
export async function checkServer(
  clients: RedisClients,
  options: ResolvedRedisOptions,
  context: DriverContext,
): Promise<void> {
  const probe = clients.probe();
  const timeoutMs = Math.min(options.requestTimeoutMs, 5_000);
  let lastError: unknown;
  probe.on('error', (error) => (lastError = error));
  try {
    if (!(await settledWithin(context.clock, check(probe, options, context), timeoutMs)))
      throw unreachable(options, context);
  } catch (thrown) {
    throw about(thrown, lastError, context);
  } finally {
    probe.disconnect();
  }
}

async function check(probe: Redis, options: ResolvedRedisOptions, context: DriverContext): Promise<void> {
  await probe.connect();
  await probe.ping();
  const info = parse(await probe.info());
  const fault = faultOf(info, options, context);
  if (fault) throw fault;
  await checkPermissions(probe, options, context);
  await checkSizes(probe, options, context);
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction')
    context.log.warn(
      `Connection \`${context.connection}\`: \`maxmemory-policy\` is ${policy}, so the server may remove whole streams when memory is short. Set it to noeviction.`,
    );
}

function faultOf(
  info: ReadonlyMap<string, string>,
  options: ResolvedRedisOptions,
  { connection }: DriverContext,
): MessagingError | undefined {
  const name = `Connection \`${connection}\` (${hostOf(options)})`;
  const version = info.get('redis_version') ?? '0';
  if (Number.parseInt(version, 10) < OLDEST_VERSION)
    return new UnsupportedByBrokerError(`${name} is Redis ${version}; it must be 7.0 or newer. Upgrade the server.`, {
      connection,
    });
  if (info.get('redis_mode') === 'cluster' || info.get('cluster_enabled') === '1')
    return new UnsupportedByBrokerError(
      `${name} is a Redis Cluster, which is not supported yet: a message and its outputs may lie on different nodes, where they cannot be settled in one step. Use a single server or a primary with replicas.`,
      { connection },
    );
  if (info.get('role') === 'slave')
    return new ReadOnlyReplicaError(
      `${name} is a replica, which takes no writes. Connect to its master at ${info.get('master_host')}:${info.get('master_port')}.`,
      {
        connection,
        retryable: false,
      },
    );
  return undefined;
}

async function checkPermissions(
  probe: Redis,
  options: ResolvedRedisOptions,
  { connection }: DriverContext,
): Promise<void> {
  const commands = neededCommands(`${options.prefix ?? ''}nestjs-messaging:probe`);
  const results = await Promise.allSettled(commands.map(([name = '', ...args]) => probe.call(name, args)));
  const refused = commands.flatMap((command, index) => (isRefused(results[index]) ? [nameOf(command)] : []));
  if (refused.length === 0) return;
  const user = new URL(options.url).username || 'default';
  throw new AuthorizationError(
    `Connection \`${connection}\`: the user \`${user}\` may not run ${refused.join(', ')}. Grant it: ACL SETUSER ${user} ${refused.map((name) => `+${name.toLowerCase()}`).join(' ')}`,
    { connection },
  );
}

/** What is larger ends the connection, with all that is on its way: no answer tells a sender why. Servers that hide it are believed. */
async function checkSizes(probe: Redis, options: ResolvedRedisOptions, { connection }: DriverContext): Promise<void> {
  const { maxMessageBytes } = options;
  if (maxMessageBytes <= SMALLEST_LIMIT) return;
  const hidden: string[] = [];
  const [, limit] = (await probe.config('GET', 'proto-max-bulk-len').catch(() => hidden)) as string[];
  if (limit === undefined || maxMessageBytes <= Number(limit)) return;
  throw new UnsupportedByBrokerError(
    `Connection \`${connection}\` (${hostOf(options)}) takes values of at most ${limit} bytes (\`proto-max-bulk-len\`); \`maxMessageBytes\` is ${maxMessageBytes}. Lower it, or raise the server's limit.`,
    { connection },
  );
}

/** As ACL SETUSER writes it: `xadd`, `client|id`. */
function nameOf([name = '', second = '']: readonly string[]): string {
  return name === 'CLIENT' ? `${name}|${second}` : name;
}

/** Refused as a command; a user may well be kept to some keys, of which the probe's is none. */
function isRefused(result: PromiseSettledResult<unknown> | undefined): boolean {
  if (result?.status !== 'rejected') return false;
  const { message } = result.reason as Error;
  return message.startsWith('NOPERM') && !message.includes('key');
}

function unreachable(options: ResolvedRedisOptions, { connection }: DriverContext): MessagingError {
  return new BrokerUnavailableError(`Connection \`${connection}\` (${hostOf(options)}) does not answer.`, {
    connection,
  });
}

/** ioredis tells why a connection failed in its `error` event, and rejects with no more than that it is closed. */
function about(thrown: unknown, lastError: unknown, { connection }: DriverContext): MessagingError {
  const error = toMessagingError(thrown, { connection });
  return error instanceof BrokerUnavailableError && lastError !== undefined
    ? toMessagingError(lastError, { connection })
    : error;
}

function hostOf({ url }: ResolvedRedisOptions): string {
  return new URL(url).host;
}

function parse(info: string): ReadonlyMap<string, string> {
  const lines = info.split('\r\n').map((line) => line.split(':'));
  return new Map(lines.map(([name = '', ...rest]) => [name, rest.join(':')]));
}
