import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { unique } from '../test/support/unique.js';
import { json, keyOf, record } from './payload.js';
import type { Driver, Load } from './protocol.js';

const PARTITIONS = 4;
const FILL = 1_000;

/** Makes topics, and fills them; pairs that read the same messages share a topic. */
export class Topics {
  private readonly made = new Map<string, Promise<string>>();

  constructor(
    /** `host:port`. */
    private readonly kafka: string,
    /** A URL. */
    private readonly redis: string,
  ) {}

  brokerOf(driver: Driver): string {
    return driver === 'redis' ? this.redis : this.kafka;
  }

  /** With four partitions on Kafka. */
  async empty(driver: Driver): Promise<string> {
    const topic = unique('bench');
    if (driver === 'redis') return this.emptyStream(topic);
    const admin = this.client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
    await admin.disconnect();
    return topic;
  }

  /** One for all that give the same `purpose`. */
  shared(driver: Driver, purpose: string): Promise<string> {
    return this.once(`${driver} ${purpose}`, () => this.empty(driver));
  }

  /** With the messages in it. */
  full(driver: Driver, { messages, size, keys }: Load): Promise<string> {
    const broker = driver === 'redis' ? 'redis' : 'kafka';
    return this.once(`${broker} ${messages} ${size} ${keys}`, async () => {
      const topic = await this.empty(driver);
      if (driver === 'redis') await this.fillStream(topic, { messages, size, keys });
      else await this.fillTopic(topic, { messages, size, keys });
      return topic;
    });
  }

  private once(name: string, make: () => Promise<string>): Promise<string> {
    const topic = this.made.get(name) ?? make();
    this.made.set(name, topic);
    return topic;
  }

  private client(): Kafka {
    return new Kafka({ brokers: [this.kafka], logLevel: logLevel.NOTHING });
  }

  /** A stream stays when its only group goes. */
  private async emptyStream(topic: string): Promise<string> {
    const client = new Redis(this.redis);
    await client.xgroup('CREATE', topic, 'nobody', '$', 'MKSTREAM');
    await client.xgroup('DESTROY', topic, 'nobody');
    client.disconnect();
    return topic;
  }

  private async fillTopic(topic: string, load: Pick<Load, 'messages' | 'size' | 'keys'>): Promise<void> {
    const producer = this.client().producer();
    await producer.connect();
    for (const numbers of chunks(load.messages))
      await producer.send({ topic, messages: numbers.map((n) => record(n, load)) });
    await producer.disconnect();
  }

  private async fillStream(topic: string, load: Pick<Load, 'messages' | 'size' | 'keys'>): Promise<void> {
    const client = new Redis(this.redis);
    for (const numbers of chunks(load.messages)) {
      const pipeline = client.pipeline();
      for (const n of numbers) pipeline.xadd(topic, '*', 'key', keyOf(n, load), 'data', json(n, load));
      await pipeline.exec();
    }
    client.disconnect();
  }
}

function* chunks(messages: number): Iterable<number[]> {
  for (let from = 0; from < messages; from += FILL)
    yield Array.from({ length: Math.min(FILL, messages - from) }, (_, at) => from + at);
}
