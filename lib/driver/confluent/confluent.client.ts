import { rootCertificates } from 'node:tls';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { sleep, type Clock } from '../../core/clock.js';
import { MissingPackageError } from '../../core/errors.js';
import type { SaslTokenProvider } from '../../options/sasl-token.js';
import type { DriverContext } from '../driver.js';
import { CODE, eventError, fatalError, isRefusal } from './confluent.errors.js';
import { promised, type ConfluentModule, type NativeClient, type NativeConfig } from './confluent.native.js';

const PACKAGE = '@confluentinc/kafka-javascript';
const CONNECT_MS = 5_000;
const POLL_MS = 20;
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

/** Without a file the certificates to trust are Node's own list, as with kafkajs; librdkafka would look for the system's. */
function security(options: ResolvedKafkaOptions): NativeConfig {
  const { securityProtocol, saslMechanism, saslUsername, saslPassword, saslTokenProvider } = options;
  const { sslCafile, sslCertfile, sslKeyfile } = options;
  const isSecure = securityProtocol.endsWith('SSL');
  return {
    'security.protocol': securityProtocol.toLowerCase(),
    ...(saslMechanism !== undefined && { 'sasl.mechanism': saslMechanism }),
    ...(saslUsername !== undefined && { 'sasl.username': saslUsername }),
    ...(saslPassword !== undefined && { 'sasl.password': saslPassword }),
    ...(saslTokenProvider && { oauthbearer_token_refresh_cb: () => nativeToken(saslTokenProvider) }),
    ...(isSecure &&
      (sslCafile === undefined ? { 'ssl.ca.pem': rootCertificates.join('\n') } : { 'ssl.ca.location': sslCafile })),
    ...(sslCertfile !== undefined && { 'ssl.certificate.location': sslCertfile }),
    ...(sslKeyfile !== undefined && { 'ssl.key.location': sslKeyfile }),
  };
}

/** The addon changes the text of what is thrown here, and emits it as `error`. */
async function nativeToken(provider: SaslTokenProvider) {
  try {
    const { value, expiresAt, extensions = {} } = await provider();
    return { tokenValue: value, lifetime: expiresAt, principal: '', extensions };
  } catch (cause) {
    throw new Error('no token', { cause });
  }
}

/**
 * One attempt. A login that is refused ends it at once: librdkafka tells it as an event only, and would try until the timeout.
 * @throws NativeError
 */
export async function connectNative(client: NativeClient, { log, clock }: DriverContext): Promise<void> {
  let failure = '';
  client.on('event.log', ({ fac = '', message = '' }) => {
    if (fac === 'FAIL') failure = message.replace(/^\[thrd:[^\]]*\]: /, '');
    if (fac === 'FATAL') client.emit('event.error', fatalError(message)); // its own event has the cause, and not that it is fatal
    log.debug(`librdkafka ${fac}: ${message}`);
  });
  const refused = new Promise<never>((_, reject) => {
    client.on('event.error', (event) => {
      const error = eventError(event);
      const { code, message } = error;
      if (isRefusal(error) || code === CODE.allBrokersDown)
        reject(Object.assign(new Error(failure || message), { code }));
    });
    client.on('error', (error) => {
      log.warn(String((error.cause as Error | undefined)?.message ?? error.message));
      reject(error);
    });
  });
  refused.catch(() => {}); // one that comes later is told by whoever uses the client
  const connected = promised((done) => client.connect({ allTopics: false, timeout: CONNECT_MS }, done));
  const end = new AbortController();
  void pollUntil(end.signal, client, clock);
  try {
    await Promise.race([connected, refused]);
  } finally {
    end.abort();
  }
}

/** A producer hands over its events only when it is polled, and cannot be before there is a client underneath. */
async function pollUntil(end: AbortSignal, client: NativeClient, clock: Clock): Promise<void> {
  while (!end.aborted) {
    if (client.isConnected()) client.poll?.();
    await sleep(clock, POLL_MS, end);
  }
}

/** Ends a client's threads. It must not be called twice for one client: librdkafka would use what is freed. */
export function disconnectNative(client: NativeClient): Promise<void> {
  if (!client.isConnected()) return Promise.resolve();
  return new Promise((resolve) => client.disconnect(() => resolve()));
}
