import { describe, expect, it } from 'vitest';
import { MessageTooLargeError } from '../../../lib/core/errors.js';
import type { SendResult } from '../../../lib/core/message.js';
import { NarrowTopics } from '../../../lib/driver/confluent/narrow-topics.js';
import type { Pending } from '../../../lib/driver/confluent/topic-lookup.js';
import { SendCall } from '../../../lib/driver/send-call.js';
import { record } from '../../support/records.js';

const TOPIC = 'orders';

/** With so many records of the topic in librdkafka's hands, beside the one that is told of. */
const open = (count: number) => {
  const sent: string[] = [];
  const warnings: string[] = [];
  const topics = new NarrowTopics({
    countOf: () => count,
    sendAlone: ({ record: { value } }) => sent.push(String(value)),
    warn: (text) => warnings.push(text),
  });
  return { topics, sent, warnings };
};
const pending = (value: string, key = value, topic = TOPIC): Pending => ({
  record: record(topic, value, { key }),
  call: new SendCall(1),
  index: 0,
  deadline: Infinity,
  previous: undefined,
  next: undefined,
});

describe('a topic that takes less than a batch', () => {
  it('gets what was refused, then what came meanwhile, when librdkafka has nothing of it any more', () => {
    const { topics, sent, warnings } = open(2);
    expect(topics.takes(pending('early'))).toBe(false);
    topics.refused(pending('a'), 0);
    topics.refused(pending('b'), 0);
    expect(topics.takes(pending('later'))).toBe(true);
    expect([sent, topics.waiting.map(({ record: { value } }) => String(value))]).toEqual([[], ['a', 'b', 'later']]);
    topics.reported(pending('written'), 0, true);
    expect([sent, topics.waiting]).toEqual([['a', 'b', 'later'], []]);
    expect(topics.takes(pending('last'))).toBe(true);
    expect(sent).toEqual(['a', 'b', 'later', 'last']);
    expect(warnings).toEqual([
      'Topic `orders` takes less than a batch: from now on each of its messages goes alone, which is slow. Lower `maxBatchSize` below its `max.message.bytes`, or raise that.',
    ]);
  });

  it('does not get what was told to be given up while it waited', () => {
    const { topics, sent } = open(2);
    const [expired, late] = [pending('expired'), pending('late')];
    topics.refused(expired, 0);
    topics.takes(late);
    for (const one of [expired, late]) one.call.set(0, new MessageTooLargeError('it was told so'));
    topics.refused(pending('b'), 0);
    topics.reported(pending('written'), 0, true);
    topics.takes(expired);
    expect(sent).toEqual(['b']);
  });

  it('leaves other topics alone', () => {
    const { topics } = open(1);
    topics.refused(pending('a'), 0);
    expect([topics.takes(pending('x', 'x', 'others')), topics.takesBack(pending('x', 'x', 'others'))]).toEqual([
      false,
      false,
    ]);
  });

  it('gives up a message when a later one of its key and partition is written, and no other', async () => {
    const { topics, sent } = open(4);
    const first = pending('first', 'k');
    topics.refused(first, 0);
    topics.refused(pending('elsewhere', 'k'), 1);
    topics.refused(pending('other key', 'l'), 0);
    topics.reported(pending('failed', 'l'), 0, false);
    topics.reported(pending('second', 'k'), 0, true);
    expect(sent).toEqual(['elsewhere', 'other key']);
    const [result] = (await first.call.results) as readonly SendResult[];
    expect(result).toBeInstanceOf(MessageTooLargeError);
    expect((result as MessageTooLargeError).message).toBe(
      "Topic `orders` refused the batch of this message, and a later one of its key is written: sending it again would change their order. Lower `maxBatchSize` below the topic's `max.message.bytes`.",
    );
  });

  it('gets what librdkafka had when its producer was over, before what came meanwhile', () => {
    const { topics, sent } = open(2);
    topics.refused(pending('a'), 0);
    topics.takes(pending('later'));
    expect([topics.takesBack(pending('b')), topics.takesBack(pending('c'))]).toEqual([true, true]);
    expect(sent).toEqual(['a', 'b', 'c', 'later']);
  });
});
