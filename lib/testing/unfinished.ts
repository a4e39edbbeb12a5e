import type { MemoryBroker } from '../memory-broker/memory-broker.js';

/** What the groups of these brokers have not finished: `group billing has 2 messages of orders`. */
export function unfinished(brokers: readonly MemoryBroker[]): string {
  const lines = brokers.flatMap((broker) => broker.lags());
  return (
    lines.map(({ groupId, topic, lag }) => `group ${groupId} has ${lag} messages of ${topic}`).join(', ') ||
    'messages wait to be sent'
  );
}
