import type { TopicClass } from './topic.js';

/** What one `MessagingModule.forFeature` declares; the explorer collects them. */
export class TopicFeature {
  constructor(readonly topics: readonly TopicClass[]) {}
}
