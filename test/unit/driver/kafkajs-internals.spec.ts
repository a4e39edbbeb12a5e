import { describe, expect, it } from 'vitest';
import { showBrokers, type KafkajsBroker } from '../../../lib/driver/kafkajs/kafkajs.internals.js';

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
  ])('is refused: %o', async (broker, text) => {
    const cluster = clusterOf(broker as unknown as KafkajsBroker);
    showBrokers(cluster, () => {});
    await expect(cluster.findBroker()).rejects.toThrow(text);
  });

  it('is refused when its clusters are others', () => {
    expect(() => showBrokers({} as never, () => {})).toThrow('kafkajs lacks findGroupCoordinator, findBroker,');
  });
});

it('a broker is shown once, however often it is found', async () => {
  const broker = { fetch, produce, lookupRequest, offsetFetch, offsetCommit };
  const cluster = clusterOf(broker);
  const shown: unknown[] = [];
  showBrokers(cluster, (one) => shown.push(one));
  await Promise.all([cluster.findBroker(), cluster.findBroker()]);
  await cluster.findBroker();
  expect(shown).toEqual([broker]);
});

function clusterOf(broker: KafkajsBroker) {
  return {
    findBroker: async () => broker,
    findGroupCoordinator: async () => broker,
    addMultipleTargetTopics: async () => {},
    findTopicPartitionMetadata: () => [],
    fetchTopicsOffset: async () => [],
    disconnect: async () => {},
  };
}
