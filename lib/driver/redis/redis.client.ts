import type { Redis, RedisOptions } from 'ioredis';
import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import type { DriverContext } from '../driver.js';
import { readTlsFiles } from '../tls-files.js';
import { toMessagingError } from './redis.errors.js';

export type RedisModule = Pick<typeof import('ioredis'), 'Redis'>;

/** The replies keep the shapes of the protocol. */
type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** Makes the connections of one driver. */
export class RedisClients {
  private readonly base: ClientOptions;

  constructor(
    private readonly ioredis: RedisModule,
    private readonly options: ResolvedRedisOptions,
    private readonly context: DriverContext,
  ) {
    this.base = {
      // RESP2: the replies have the same shape whatever the server's version
      protocol: 2,
      keepAlive: 10_000,
      connectTimeout: Math.min(options.requestTimeoutMs, 5_000),
      retryStrategy: (attempt) => Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_PAUSE_MS),
      ...tls(options),
    };
  }

  /**
   * For sends: an unanswered one is rejected when its connection breaks. By default ioredis would send it again, and so write it twice.
   * Nothing is queued while there is no connection either: it would be written by the new connection ahead of the repeats of what came
   * before it.
   */
  producer(): Redis {
    const { requestTimeoutMs } = this.options;
    return this.create('producer', {
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      socketTimeout: requestTimeoutMs,
    });
  }

  /** For commands whose repeat does no harm: they wait for the connection, and go again when it breaks. */
  command(): Redis {
    return this.create('command', { maxRetriesPerRequest: null, socketTimeout: this.options.requestTimeoutMs });
  }

  /**
   * For the blocking reads of one consumer. Without a socket timeout a read on a half-open connection would hang for ever; when the
   * connection breaks the read is rejected, so that what its answer brought is looked for before the next read.
   */
  reader(): Redis {
    return this.create('reader', {
      maxRetriesPerRequest: 0,
      socketTimeout: this.options.blockMs + 5_000,
      lazyConnect: true,
    });
  }

  /** One attempt, for the checks at start. */
  probe(): Redis {
    return this.create('probe', {
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      enableReadyCheck: false,
      lazyConnect: true,
    });
  }

  private create(role: string, own: ClientOptions): Redis {
    const { clientId, url } = this.options;
    const reconnectOnError = this.reconnectOnReadOnly();
    const client = new this.ioredis.Redis(url, {
      ...this.base,
      connectionName: `${clientId}:${role}`,
      reconnectOnError,
      ...own,
    });
    // without a listener ioredis prints each error
    client.on('error', (error: Error) => this.onError(role, error));
    client.on('ready', () => this.context.onStatus({ state: 'up' }));
    // ioredis hears one error of a socket; TLS may tell of a second, which would end the process
    client.on('connecting', () => setImmediate(() => client.stream?.on('error', this.onSocketError)));
    return client;
  }

  /**
   * A master that became a replica: a new connection asks the name server again. The command is rejected, and repeated by us. Not for
   * each command of a pipeline, since ioredis would end the same connection as often.
   */
  private reconnectOnReadOnly(): (error: Error) => false | 1 {
    const { clock } = this.context;
    let last = 0;
    return (error) => {
      if (!error.message.startsWith('READONLY') || clock.now() - last < LONGEST_PAUSE_MS / 4) return false;
      last = clock.now();
      return 1;
    };
  }

  private readonly onSocketError = ({ message }: Error): void => this.context.log.debug(`redis socket: ${message}`);

  private onError(role: string, thrown: Error): void {
    const { connection, log, onStatus } = this.context;
    const error = toMessagingError(thrown, { connection });
    log.debug(`redis ${role}: ${thrown.message}`);
    onStatus({ state: 'down', error });
  }
}

/** Ends the blocking command of a connection, if it has one. */
export async function unblock(command: Redis, clientId: number): Promise<void> {
  await command.call('CLIENT', ['UNBLOCK', clientId]);
}

function tls(options: ResolvedRedisOptions): Pick<ClientOptions, 'tls'> {
  return options.url.startsWith('rediss:') ? { tls: readTlsFiles(options) } : {};
}
