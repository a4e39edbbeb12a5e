import { describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../../lib/core/errors.js';
import { toMessagingError } from '../../../lib/driver/confluent/confluent.errors.js';

const errorOf = (code: number) =>
  toMessagingError(Object.assign(new Error('said by librdkafka'), { code }), { connection: 'kafka', topic: 'orders' });

describe('an error of librdkafka', () => {
  it.each([
    ['a broker whose handle it let go of, as that of an address which is known by its id now', -137],
    ['a broker that it does not know any more', -146],
    ['a request that waited too long in its queue', -166],
    ['a connection that broke', -195],
  ])('is no answer where it speaks of %s', (_, code) => {
    expect(errorOf(code)).toBeInstanceOf(BrokerUnavailableError);
  });

  it.each([
    ['a batch was damaged on its way', 2],
    ['the end of a log is not known yet', 78],
    ['a quota is used up for the moment', 89],
    ['it asks for a repeat', -153],
    ['a broker changes its address', -182],
  ])('is tried again when %s', (_, code) => {
    expect(errorOf(code).retryable).toBe(true);
  });

  it.each([
    ['an argument is wrong', -186],
    ['a broker does not take this compression', 76],
    ['a record is invalid', 87],
  ])('is not when %s', (_, code) => {
    expect(errorOf(code).retryable).toBe(false);
  });
});
