import { MessageTooLargeError } from '../../core/errors.js';
import type { Pending } from './topic-lookup.js';

export interface NarrowTopicsParts {
  /** How many records of a topic librdkafka has. */
  readonly countOf: (topic: string) => number;
  /** Sends it in a batch of its own, behind those that were sent so before, and answers for it. */
  readonly sendAlone: (pending: Pending) => void;
  readonly warn: (text: string) => void;
}

interface Refusal {
  readonly pending: Pending;
  readonly partition: number;
}

interface NarrowTopic {
  /** What was in a batch that was refused, in the order of its partition. */
  again: Refusal[];
  /** What came since. */
  held: Pending[];
  /** Records that librdkafka has not told the fate of. Until it has, the others wait, so that they keep their order. */
  missing: number;
}

/**
 * Topics that take less than a batch. The broker refuses one that is larger, and librdkafka, which divides none, every record in it, however small. From
 * then on each record of the topic goes alone, those of that batch first, so that only one that is too large by itself is given up. librdkafka may have
 * had later records already: when one of them is written, those of its key that were refused before it are given up too, for the sake of the order.
 */
export class NarrowTopics {
  private readonly topics = new Map<string, NarrowTopic>();

  constructor(private readonly parts: NarrowTopicsParts) {}

  /** Without those that are sent alone. */
  get waiting(): readonly Pending[] {
    return [...this.topics.values()].flatMap(({ again, held }) => [...again.map(({ pending }) => pending), ...held]);
  }

  /** True when it is of such a topic, and so looked after here. */
  takes(pending: Pending): boolean {
    const topic = this.topics.get(pending.record.topic);
    if (!topic) return false;
    if (topic.missing > 0) topic.held.push(pending);
    else this.sendAlone(pending);
    return true;
  }

  /** Its batch was refused. */
  refused(pending: Pending, partition: number): void {
    const { topic } = pending.record;
    const narrow = this.topics.get(topic) ?? this.discover(topic);
    narrow.again.push({ pending, partition });
    this.count(narrow);
  }

  /** librdkafka told another fate of it. */
  reported({ record: { topic, key } }: Pending, partition: number, isWritten: boolean): void {
    const narrow = this.topics.get(topic);
    if (!narrow) return;
    if (isWritten && key !== null)
      narrow.again = narrow.again.filter(({ pending, partition: own }) => {
        const isOvertaken = own === partition && pending.record.key?.equals(key) === true;
        if (isOvertaken) pending.call.set(pending.index, overtaken(topic));
        return !isOvertaken;
      });
    this.count(narrow);
  }

  /** True when librdkafka will not tell its fate any more, and it is of such a topic. */
  takesBack(pending: Pending): boolean {
    const isNarrow = this.topics.has(pending.record.topic);
    if (isNarrow) this.refused(pending, NaN);
    return isNarrow;
  }

  private discover(topic: string): NarrowTopic {
    const narrow = { again: [], held: [], missing: this.parts.countOf(topic) + 1 };
    this.topics.set(topic, narrow);
    this.parts.warn(
      `Topic \`${topic}\` takes less than a batch: from now on each of its messages goes alone, which is slow. Lower \`maxBatchSize\` below its \`max.message.bytes\`, or raise that.`,
    );
    return narrow;
  }

  private count(narrow: NarrowTopic): void {
    if (--narrow.missing > 0) return;
    const waiting = [...narrow.again.map(({ pending }) => pending), ...narrow.held];
    [narrow.again, narrow.held] = [[], []];
    for (const pending of waiting) this.sendAlone(pending);
  }

  /** One that was told to be given up meanwhile must not be written. */
  private sendAlone(pending: Pending): void {
    if (pending.call.isOpen(pending.index)) this.parts.sendAlone(pending);
  }
}

function overtaken(topic: string): MessageTooLargeError {
  return new MessageTooLargeError(
    `Topic \`${topic}\` refused the batch of this message, and a later one of its key is written: sending it again would change their order. Lower \`maxBatchSize\` below the topic's \`max.message.bytes\`.`,
    { topic },
  );
}
