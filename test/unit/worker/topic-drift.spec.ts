import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  AuthorizationError,
  Consumer,
  EventTopic,
  MemoryBroker,
  MessagingModule,
  StateTopic,
} from '../../../lib/index.js';
import type { TopicAdmin, TopicSettings } from '../../../lib/driver/driver.js';
import { ensureTopics } from '../../../lib/worker/ensure-topics.js';
import { planOf } from '../../../lib/worker/topic-drift.js';
import { startApp } from '../../support/test-app.js';

class Events extends EventTopic {
  static readonly topicName = 'events';
  static override readonly partitions = 3;
  static override readonly retentionMs = 1_000;
}
class States extends StateTopic {
  static readonly topicName = 'states';
  static override readonly cleanupPolicy = 'compact,delete';
}

/** A broker that has both topics already, with six partitions, and these settings. */
function admin(settings: TopicAdmin['settings']): TopicAdmin & { readonly created: string[] } {
  const created: string[] = [];
  return {
    created,
    describe: async (topics) => topics.map((topic) => ({ topic, partitions: 6 })),
    settings: settings as NonNullable<typeof settings>,
    create: async (specs) => void created.push(...specs.map(({ topic }) => topic)),
  };
}

const plansOf = async (one: TopicAdmin, mode: 'create' | 'verify' = 'create') =>
  (await ensureTopics(one, mode, { handlers: [], classes: [Events, States] })).map(planOf);

describe('a topic that is not as its class says', () => {
  it.each(['create', 'verify'] as const)('is told as a plan, and never altered: %s', async (mode) => {
    const has: readonly TopicSettings[] = [
      { topic: 'events', retentionMs: 604_800_000, cleanupPolicy: 'compact' },
      { topic: 'states', retentionMs: 5, cleanupPolicy: 'delete,compact' },
    ];
    const broker = admin(async () => has);
    expect(await plansOf(broker, mode)).toEqual([
      'Topic `events` is not as its class says: partitions 6 → 3 (partitions cannot be taken away; that needs another topic); retentionMs 604800000 → 1000; cleanupPolicy compact → delete. Nothing was changed: alter the topic, or the class.',
    ]);
    expect(broker.created).toEqual([]);
  });

  it('is compared by its partitions alone where its settings may not be seen', async () => {
    const forbidden = admin(async () => Promise.reject(new AuthorizationError('no')));
    expect(await plansOf(forbidden)).toEqual([
      'Topic `events` is not as its class says: partitions 6 → 3 (partitions cannot be taken away; that needs another topic). Nothing was changed: alter the topic, or the class.',
    ]);
  });

  it('is a line of the log at start', async () => {
    @Injectable()
    class Audit {
      @Consumer({ topic: Events })
      async onEvent() {}
    }
    const broker = new MemoryBroker();
    broker.createTopic('events', 2, 5);
    const options = { memory: { broker } };
    const { app, log } = await startApp({
      options,
      imports: [MessagingModule.forFeature([Events])],
      providers: [Audit],
    });
    await app.close();
    expect(log.texts('warn')).toContain(
      'Topic `events` is not as its class says: partitions 2 → 3 (more partitions send keys elsewhere: their order begins anew); retentionMs 5 → 1000. Nothing was changed: alter the topic, or the class.',
    );
  });
});
