import { describe, expect, it } from 'vitest';
import * as messaging from '../../../lib/index.js';

const { ConfigurationError, MessagingError, UnknownTopicError, DeliveryTimeoutError, SendBatchError } = messaging;

describe('errors', () => {
  it('derives the code from the class', () => {
    expect(new UnknownTopicError('orders').code).toBe('UNKNOWN_TOPIC');
    expect(new UnknownTopicError('orders').name).toBe('UnknownTopicError');
  });

  it('have one root', () => {
    const classes = Object.entries(messaging).filter(([name]) => name.endsWith('Error') && name !== 'MessagingError');
    expect(classes.length).toBeGreaterThan(15);
    for (const [, type] of classes) expect((type as { prototype: unknown }).prototype).toBeInstanceOf(MessagingError);
  });

  it('say what happened, the value and the cure', () => {
    expect(new UnknownTopicError('orders').message).toBe(
      'Topic `orders` does not exist. Create it, declare it with MessagingModule.forFeature([…]), or correct the name.',
    );
    expect(new DeliveryTimeoutError('orders', 500, 'unknown').message).toBe(
      'Message to topic `orders` was not acknowledged within 500 ms (unknown). See the cause, or raise `deliveryTimeoutMs`.',
    );
  });

  it('list every fault of a configuration', () => {
    expect(new ConfigurationError(['one.', 'two.']).message).toBe(
      'Messaging cannot start, 2 faults:\n  - one.\n  - two.',
    );
  });

  it('tell which messages of a batch were not written, and whether trying again can help', () => {
    const sent = { topic: 'orders', partition: 0, offset: '1' };
    const timeout = new DeliveryTimeoutError('orders', 500, 'not-written');
    const error = new SendBatchError('orders', [sent, timeout]);
    expect(error.results).toEqual([sent, timeout]);
    expect(error.retryable).toBe(true);
    expect(error.message).toContain('1 of 2 messages to topic `orders` were not written');
    expect(new SendBatchError('orders', [timeout, new UnknownTopicError('orders')]).retryable).toBe(false);
  });
});
