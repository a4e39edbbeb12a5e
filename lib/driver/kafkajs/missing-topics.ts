import type { Consumer } from 'kafkajs';
import { sleep, type Clock } from '../../core/clock.js';
import type { SubscribeRequest, TopicAdmin } from '../driver.js';
import { isUnknownTopic } from './kafkajs.errors.js';

const LOOK_MS = 1_000;

export interface Looking {
  /** Not the member's own cluster: what that is asked about, its fetches ask about too. */
  readonly admin: TopicAdmin;
  readonly clock: Clock;
  readonly end: AbortSignal;
}

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
export async function lookFor(topics: readonly string[], { admin, clock, end }: Looking): Promise<string | undefined> {
  while (topics.length > 0 && !end.aborted) {
    await sleep(clock, LOOK_MS, end);
    const [found] = end.aborted ? [] : await admin.describe(topics).catch(() => []); // a broker that does not answer is the fetches' matter
    if (found && !end.aborted) return found.topic;
  }
  return undefined;
}
