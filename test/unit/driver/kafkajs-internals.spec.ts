import { describe, expect, it } from 'vitest';
import {
  assertBrokerInternals,
  showBrokers,
  type KafkajsBroker,
} from '../../../lib/driver/kafkajs/kafkajs.internals.js';

const fetch = async () => ({ responses: [] });
const produce = async () => ({});
const offsetFetch = async () => ({ responses: [] });
const offsetCommit = async () => ({});
const lookupRequest = () => () => {
  throw new Error('not asked');
};

describe('another kafkajs than the one that is known inside', () => {
  it.each([
    [{}, 'kafkajs lacks fetch, produce, lookupRequest, offsetFetch, offsetCommit inside'],
    [{ fetch, produce }, 'kafkajs lacks lookupRequest, offsetFetch, offsetCommit inside'],
  ])('is refused: %o', (broker, text) => {
    expect(() => assertBrokerInternals(broker as unknown as KafkajsBroker)).toThrow(text);
  });

  it('is not this one', () => {
    expect(() => assertBrokerInternals({ fetch, produce, lookupRequest, offsetFetch, offsetCommit })).not.toThrow();
  });
});

it('a broker is shown once, however often it is found', async () => {
  const broker = { fetch, produce, lookupRequest, offsetFetch, offsetCommit };
  const cluster = {
    findBroker: async () => broker,
    findGroupCoordinator: async () => broker,
    addMultipleTargetTopics: async () => {},
    findTopicPartitionMetadata: () => [],
    fetchTopicsOffset: async () => [],
    disconnect: async () => {},
  };
  const shown: unknown[] = [];
  showBrokers(cluster, (one) => shown.push(one));
  await Promise.all([cluster.findBroker(), cluster.findBroker()]);
  await cluster.findBroker();
  expect(shown).toEqual([broker]);
});
