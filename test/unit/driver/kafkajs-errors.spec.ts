import { createRequire } from 'node:module';
import { KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded } from 'kafkajs';
import { describe, expect, it } from 'vitest';
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
    expect(isRetryable(stumble())).toBe(true);
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
