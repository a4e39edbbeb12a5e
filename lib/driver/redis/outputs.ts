import { sizeOf, type OutgoingRecord } from '../../core/message.js';
import { HEADER } from '../../core/header-names.js';
import type { Mover } from './mover.js';
import type { RedisKeys } from './redis.keys.js';
import type { RedisProducer } from './redis.producer.js';
import type { RedisTopic, RedisTopics } from './redis.topics.js';
import type { Write } from './settle-arguments.js';
import type { Settler } from './settler.js';

export interface OutputsParts {
  readonly topics: RedisTopics;
  readonly keys: RedisKeys;
  readonly producer: RedisProducer;
  readonly mover: Mover;
  readonly groupId: string;
}

/** Gives the records of an outcome their place, so that they are written in the step that acknowledges their message. */
export class Outputs {
  constructor(private readonly parts: OutputsParts) {}

  /** @throws MessagingError of the first record that can never be written. */
  settle(settler: Settler, id: string, records: readonly OutgoingRecord[]): Promise<void> {
    return this.place(settler, id, { records, toWrite: (record, topic) => this.toWrite(record, topic) });
  }

  /** A message that its group tries again later waits in a set of that group. */
  park(settler: Settler, id: string, record: OutgoingRecord): Promise<void> {
    return this.place(settler, id, { records: [record], toWrite: (one, topic) => this.toParked(one, topic) });
  }

  /** Without a look at the server when all topics are known: then outcomes are settled in the order they come. */
  private async place(
    settler: Settler,
    id: string,
    {
      records,
      toWrite,
    }: { records: readonly OutgoingRecord[]; toWrite: (record: OutgoingRecord, topic: RedisTopic) => Write },
  ): Promise<void> {
    const writes: Write[] = [];
    for (const record of records) {
      const topic = this.parts.topics.get(record.topic);
      writes.push(toWrite(record, topic instanceof Promise ? await topic : topic));
    }
    return settler.settle(id, writes);
  }

  private toWrite(record: OutgoingRecord, topic: RedisTopic): Write {
    if (record.dueAt !== undefined) return this.delayed(record, topic, this.parts.keys.delayed(topic.name));
    const partition = this.parts.producer.placed(record, topic);
    const key = topic.streams[partition] as string;
    return { key, fields: this.parts.producer.fieldsOf(record), bytes: sizeOf(record) };
  }

  private toParked(record: OutgoingRecord, topic: RedisTopic): Write {
    const { keys, groupId } = this.parts;
    const origin = record.headers.find(([name]) => name === HEADER.originalTopic)?.[1].toString('utf8');
    return this.delayed(record, topic, keys.delayedOf(origin ?? topic.name, groupId));
  }

  private delayed(record: OutgoingRecord, topic: RedisTopic, key: string): Write {
    const { producer, mover } = this.parts;
    const partition = producer.placed(record, topic);
    const dueAt = record.dueAt as number;
    mover.watch(key, topic.streams, dueAt);
    return { key, fields: producer.fieldsOf(record), bytes: sizeOf(record), delayed: { dueAt, partition } };
  }
}
