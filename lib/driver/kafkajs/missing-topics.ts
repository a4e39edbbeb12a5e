import type { Consumer } from 'kafkajs';
import { sleep, type Clock } from '../../core/clock.js';
import type { SubscribeRequest } from '../driver.js';
import { isUnknownTopic } from './kafkajs.errors.js';
import type { KafkajsCluster } from './kafkajs.internals.js';

const LOOK_MS = 1_000;

/** Subscribes to the topics that are there, since one that was deleted shall hold up no other. Answers those that are not. @throws when none is. */
export async function subscribe(consumer: Consumer, topics: SubscribeRequest['topics']): Promise<string[]> {
  const missing: string[] = [];
  for (const { topic, autoOffsetReset } of topics) {
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: autoOffsetReset === 'earliest' });
    } catch (thrown) {
      if (!isUnknownTopic(thrown) || missing.push(topic) === topics.length) throw thrown;
    }
  }
  return missing;
}

/** Resolves with the first of these that is there, or with nothing at the end. */
export async function lookFor(
  topics: readonly string[],
  cluster: KafkajsCluster,
  clock: Clock,
  end: AbortSignal,
): Promise<string | undefined> {
  while (topics.length > 0) {
    await sleep(clock, LOOK_MS, end);
    for (const topic of topics) {
      if (end.aborted) return undefined;
      if (await isThere(topic, cluster)) return topic;
    }
  }
  return undefined;
}

/** A broker that does not answer is the fetches' matter. */
function isThere(topic: string, cluster: KafkajsCluster): Promise<boolean> {
  return cluster.addMultipleTargetTopics([topic]).then(
    () => true,
    () => false,
  );
}
