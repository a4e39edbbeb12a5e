import type { Kafka } from 'kafkajs';
import type { PartitionPosition } from '../broker-admin.js';

const MAX_WAIT_MS = 100;

/**
 * Commits positions as the only member of the group, for as long as that takes. kafkajs' own `setOffsets` does the same and then waits out
 * an empty fetch of five seconds (seen on Kafka 4.4).
 */
export async function moveGroup(
  client: Kafka,
  groupId: string,
  topic: string,
  positions: readonly PartitionPosition[],
): Promise<void> {
  const consumer = client.consumer({
    groupId,
    maxWaitTimeInMs: MAX_WAIT_MS,
    allowAutoTopicCreation: false,
    retry: { restartOnFailure: async () => false },
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic] });
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.GROUP_JOIN, () => {
        consumer.pause([{ topic }]); // nothing is read: it joins to commit
        resolve();
      });
      consumer.on(consumer.events.CRASH, ({ payload: { error } }) => reject(error));
    });
    await consumer.run({ autoCommit: false, eachBatch: async () => {} });
    await joined;
    await consumer.commitOffsets(positions.map((position) => ({ topic, ...position })));
  } finally {
    await consumer.disconnect();
  }
}
