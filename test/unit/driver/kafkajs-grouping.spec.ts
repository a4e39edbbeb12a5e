import { createRequire } from 'node:module';
import type { Message } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { grouped, pinned } from '../../../lib/driver/kafkajs/send-path.js';

type Group = (asked: {
  readonly topic: string;
  readonly partitionMetadata: readonly object[];
  readonly messages: readonly Message[];
  readonly partitioner: typeof pinned;
}) => Record<number, Message[]>;

describe('messages that are grouped by partition', () => {
  it("have the groups that kafkajs would make, without kafkajs' copies of them", () => {
    const group = createRequire(import.meta.url)('kafkajs/src/producer/groupMessagesPerPartition') as Group;
    const messages = Array.from({ length: 100 }, (_, n) => ({
      key: null,
      value: Buffer.from([n]),
      partition: (n * 7) % 3,
    }));
    let asked = 0;
    const partitioner: typeof pinned = (one) => {
      asked++;
      return pinned(one);
    };
    const groupsOf = (list: readonly Message[]) =>
      group({ topic: 't', partitionMetadata: [{}], messages: list, partitioner });
    const expected = groupsOf(messages);
    expect(asked).toBe(100);
    expect(groupsOf(grouped([...messages]))).toEqual(expected);
    expect(asked).toBe(100);
  });
});
