import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { MissingPackageError } from '../../core/errors.js';
import type { DriverContext } from '../driver.js';
import { isRefusal } from './confluent.errors.js';
import { promised, type ConfluentModule, type NativeClient, type NativeConfig } from './confluent.native.js';

const PACKAGE = '@confluentinc/kafka-javascript';
const CONNECT_MS = 5_000;
const LONGEST_SOCKET_TIMEOUT_MS = 300_000;

/** @throws MissingPackageError when the package is not installed, or its addon does not load. */
export async function loadConfluent(
  load: (name: string) => Promise<unknown> = importPackage,
): Promise<ConfluentModule> {
  try {
    const { default: loaded } = (await load(PACKAGE)) as { readonly default: ConfluentModule };
    return loaded;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    throw new MissingPackageError(PACKAGE, "`backend: 'confluent'`", cause, isMissing ? undefined : REBUILD);
  }
}

/** By a name that the compiler does not look up: the package may be absent. */
function importPackage(name: string): Promise<unknown> {
  return import(name);
}

const REBUILD = [
  `Its native addon does not load. Build it for this Node (${process.version}): npm rebuild ${PACKAGE};`,
  `where install scripts are off, allow this one first ("allowScripts": { "${PACKAGE}": true } in package.json);`,
  'where no binary can be downloaded, compile it: apt-get install g++ make python3 libssl-dev zlib1g-dev libzstd-dev',
  `libcurl4-openssl-dev libsasl2-dev liblz4-dev && CKJS_LINKING=dynamic npm_config_build_from_source=true npm rebuild ${PACKAGE}.`,
].join(' ');

/** What every client of a connection is made with. */
export function clientConfig(options: ResolvedKafkaOptions): NativeConfig {
  const { clientId, bootstrapServers, requestTimeoutMs, retryBackoffMs } = options;
  return {
    'client.id': clientId,
    'bootstrap.servers': bootstrapServers.join(','),
    'socket.timeout.ms': Math.min(Math.max(requestTimeoutMs, 10), LONGEST_SOCKET_TIMEOUT_MS),
    'socket.keepalive.enable': true,
    'retry.backoff.ms': Math.min(retryBackoffMs, LONGEST_SOCKET_TIMEOUT_MS),
    'retry.backoff.max.ms': Math.min(retryBackoffMs * 30, LONGEST_SOCKET_TIMEOUT_MS),
    'reconnect.backoff.ms': Math.min(retryBackoffMs, 1_000),
    'reconnect.backoff.max.ms': 1_000,
    'allow.auto.create.topics': false,
    'log.connection.close': false,
    ...security(options),
  };
}

/** What a user sets by librdkafka's own names; what is not a setting, librdkafka says when the client is made. */
export function nativeOf({ native = {} }: ResolvedKafkaOptions): NativeConfig {
  return native as NativeConfig;
}

function security(options: ResolvedKafkaOptions): NativeConfig {
  const { securityProtocol, saslMechanism, saslUsername, saslPassword, sslCafile, sslCertfile, sslKeyfile } = options;
  return {
    'security.protocol': securityProtocol.toLowerCase(),
    ...(saslMechanism !== undefined && { 'sasl.mechanism': saslMechanism }),
    ...(saslUsername !== undefined && { 'sasl.username': saslUsername }),
    ...(saslPassword !== undefined && { 'sasl.password': saslPassword }),
    ...(sslCafile !== undefined && { 'ssl.ca.location': sslCafile }),
    ...(sslCertfile !== undefined && { 'ssl.certificate.location': sslCertfile }),
    ...(sslKeyfile !== undefined && { 'ssl.key.location': sslKeyfile }),
  };
}

/**
 * One attempt. A login that is refused ends it at once: librdkafka tells it as an event only, and would try until the timeout.
 * @throws NativeError
 */
export async function connectNative(client: NativeClient, { log }: DriverContext): Promise<void> {
  client.on('event.log', ({ fac = '', message = '' }) => log.debug(`librdkafka ${fac}: ${message}`));
  const refused = new Promise<never>((_, reject) =>
    client.on('event.error', (error) => {
      if (isRefusal(error)) reject(error);
    }),
  );
  refused.catch(() => {}); // one that comes later is told by whoever uses the client
  const connected = promised((done) => client.connect({ allTopics: false, timeout: CONNECT_MS }, done));
  await Promise.race([connected, refused]);
}

/** Ends a client's threads. It must not be called twice for one client: librdkafka would use what is freed. */
export function disconnectNative(client: NativeClient): Promise<void> {
  if (!client.isConnected()) return Promise.resolve();
  return new Promise((resolve) => client.disconnect(() => resolve()));
}
