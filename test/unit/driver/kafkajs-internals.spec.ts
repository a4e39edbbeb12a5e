import { describe, expect, it } from 'vitest';
import { assertBrokerInternals, type KafkajsBroker } from '../../../lib/driver/kafkajs/kafkajs.internals.js';

const fetch = async () => ({ responses: [] });

describe('another kafkajs than the one that is known inside', () => {
  it.each([
    [{}, 'kafkajs lacks fetch inside'],
    [{ fetch }, 'kafkajs lacks send inside'],
    [{ fetch, connectionPool: {} }, 'kafkajs lacks send inside'],
  ])('is refused: %o', (broker, text) => {
    expect(() => assertBrokerInternals(broker as unknown as KafkajsBroker)).toThrow(text);
  });

  it('is not this one', () => {
    expect(() => assertBrokerInternals({ fetch, connectionPool: { send: async () => ({}) } })).not.toThrow();
  });
});
