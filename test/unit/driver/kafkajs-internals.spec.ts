import { describe, expect, it } from 'vitest';
import { assertBrokerInternals, type KafkajsBroker } from '../../../lib/driver/kafkajs/kafkajs.internals.js';

const fetch = async () => ({ responses: [] });
const offsetFetch = async () => ({ responses: [] });
const offsetCommit = async () => ({});
const lookupRequest = () => () => {
  throw new Error('not asked');
};

describe('another kafkajs than the one that is known inside', () => {
  it.each([
    [{}, 'kafkajs lacks fetch, lookupRequest, offsetFetch, offsetCommit inside'],
    [{ fetch }, 'kafkajs lacks lookupRequest, offsetFetch, offsetCommit inside'],
  ])('is refused: %o', (broker, text) => {
    expect(() => assertBrokerInternals(broker as unknown as KafkajsBroker)).toThrow(text);
  });

  it('is not this one', () => {
    expect(() => assertBrokerInternals({ fetch, lookupRequest, offsetFetch, offsetCommit })).not.toThrow();
  });
});
