import { createRequire } from 'node:module';
import { KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded, KafkaJSSASLAuthenticationError } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { AuthenticationError, BrokerUnavailableError } from '../../../lib/core/errors.js';
import { toMessagingError } from '../../../lib/driver/kafkajs/kafkajs.errors.js';

interface Broker {
  initProducerId(request: { readonly transactionTimeout: number }): Promise<unknown>;
}

const require = createRequire(import.meta.url);
const KafkajsBroker = require('kafkajs/src/broker') as new (parts: object) => Broker;

/** What kafkajs throws at who asks a broker that has only just come back. */
function notConnected(): Promise<Error> {
  const broker = new KafkajsBroker({ connectionPool: {}, logger: { namespace: () => ({}) } });
  return broker.initProducerId({ transactionTimeout: 1 }).then(
    () => new Error('it was connected'),
    (error: Error) => error,
  );
}

/** Its types do not tell that it takes a text. */
const LoginError = KafkaJSSASLAuthenticationError as unknown as new (message: string) => Error;

const isRetryable = (thrown: unknown) => toMessagingError(thrown, { connection: 'kafka', topic: 'orders' }).retryable;

describe('an error of kafkajs', () => {
  it('is tried again when it speaks of kafkajs’ own state: a broker that came back is not connected yet', async () => {
    const error = await notConnected();
    expect(error.message).toBe('Broker not connected');
    expect(isRetryable(error)).toBe(true);
    expect(isRetryable(new KafkaJSNumberOfRetriesExceeded(error, { retryCount: 5, retryTime: 1 }))).toBe(true);
  });

  it('is tried again when kafkajs stumbles over an answer that no broker gave', () => {
    const answer = null as unknown as { readonly topicMetadata: unknown };
    const stumble = () => {
      try {
        return new Error(`no stumble: ${String(answer.topicMetadata)}`);
      } catch (error) {
        return error as TypeError;
      }
    };
    expect(stumble()).toBeInstanceOf(TypeError);
    expect(toMessagingError(stumble(), { connection: 'kafka' })).toBeInstanceOf(BrokerUnavailableError);
  });

  it('is tried again, and no word of a broker, when kafkajs stumbles over something else', () => {
    const error = toMessagingError(new TypeError('undefined is not a function'), { connection: 'kafka' });
    expect(error).not.toBeInstanceOf(BrokerUnavailableError);
    expect(error.retryable).toBe(true);
  });

  it.each([
    'PLAIN authentication failed: Closed connection',
    'SCRAM SHA512 authentication failed: Not connected',
    'PLAIN authentication failed: Connection error: read ECONNRESET',
    'PLAIN authentication failed: Connection timeout',
    'PLAIN authentication failed: Connection closed by the server',
    'PLAIN authentication failed: Request SaslAuthenticate(key: 36, version: 1) timed out',
  ])('is no refused login where the broker went away in the midst of one: %s', (text) => {
    const error = toMessagingError(new LoginError(`SASL ${text}`), { connection: 'kafka' });
    expect(error).toBeInstanceOf(BrokerUnavailableError);
  });

  it('is a refused login where the broker said so', () => {
    const refusal = new LoginError(
      'SASL PLAIN authentication failed: Authentication failed: Invalid username or password',
    );
    expect(toMessagingError(refusal, { connection: 'kafka' })).toBeInstanceOf(AuthenticationError);
  });

  it.each([
    ['kafkajs says that nothing else can follow', new KafkaJSNonRetriableError('Invalid topic')],
    [
      'Node says that an argument is wrong',
      Object.assign(new TypeError('of type string'), { code: 'ERR_INVALID_ARG_TYPE' }),
    ],
    ['Node names its cause', Object.assign(new Error('incorrect header check'), { code: 'Z_DATA_ERROR' })],
  ])('is not when %s', (_, error) => {
    expect(isRetryable(error)).toBe(false);
    expect(isRetryable(Object.assign(new KafkaJSNonRetriableError(error), { cause: error }))).toBe(false);
  });
});
