import type { ISocketFactory, Kafka, KafkaConfig, logCreator, RetryOptions } from 'kafkajs';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DriverContext } from '../driver.js';
import { readTlsFiles } from '../tls-files.js';
import { oauthBearer } from './oauth-bearer.js';
import { watchedSocket } from './watched-socket.js';

export type KafkajsModule = typeof import('kafkajs');

/**
 * Repeats belong on `new Kafka`: on a producer they do not cover reconnects. They are few, since what they give up is taken up again
 * by the producer's own loop and by the consumer's supervisor.
 */
const REPEATS = 5;

export interface ClientSpec {
  readonly retry?: RetryOptions;
  /** A connection has ended, whoever ended it. */
  readonly onHangUp?: () => void;
}

export function createClient(
  { Kafka, logLevel }: KafkajsModule,
  options: ResolvedKafkaOptions,
  { log, connection }: DriverContext,
  { retry, onHangUp }: ClientSpec = {},
): Kafka {
  const { clientId, bootstrapServers, requestTimeoutMs, retryBackoffMs } = options;
  return new Kafka({
    clientId,
    brokers: [...bootstrapServers],
    requestTimeout: requestTimeoutMs,
    connectionTimeout: Math.min(requestTimeoutMs, 5_000),
    retry: { initialRetryTime: retryBackoffMs, maxRetryTime: retryBackoffMs * 30, retries: REPEATS, ...retry },
    logLevel: logLevel.INFO,
    logCreator: toLog(log),
    ...options.native,
    ...(onHangUp && { socketFactory: watchedSocket(onHangUp, options.native?.['socketFactory'] as ISocketFactory) }),
    ...tls(options),
    ...login(options, connection),
  });
}

function tls(options: ResolvedKafkaOptions): Pick<KafkaConfig, 'ssl'> {
  return options.securityProtocol.endsWith('SSL') ? { ssl: readTlsFiles(options) } : {};
}

/** Which of them are there was checked at start. */
function login(options: ResolvedKafkaOptions, connection: string): Pick<KafkaConfig, 'sasl'> {
  const { saslMechanism, saslUsername = '', saslPassword = '', saslTokenProvider } = options;
  const credentials = { username: saslUsername, password: saslPassword };
  switch (saslMechanism) {
    case undefined:
      return {};
    case 'PLAIN':
      return { sasl: { mechanism: 'plain', ...credentials } };
    case 'SCRAM-SHA-256':
      return { sasl: { mechanism: 'scram-sha-256', ...credentials } };
    case 'SCRAM-SHA-512':
      return { sasl: { mechanism: 'scram-sha-512', ...credentials } };
    case 'OAUTHBEARER':
      return saslTokenProvider ? { sasl: oauthBearer(saslTokenProvider, connection) } : {};
  }
}

/** kafkajs writes normal traffic, such as a rebalance, at error level; what matters reaches the user through our own lines. */
function toLog(log: DriverContext['log']): logCreator {
  return () => (entry) => log.debug(`kafkajs ${entry.namespace}: ${entry.log.message}`);
}
