import type { Redis } from 'ioredis';
import { settledBefore, type Deadline } from '../../core/clock.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import type { DeliverySink, Driver, DriverContext, SubscribeRequest, Subscription } from '../driver.js';
import { optionalPackage } from '../optional-package.js';
import { Janitor } from './janitor.js';
import { Mover } from './mover.js';
import { Quarantine } from './quarantine.js';
import { RedisAdmin } from './redis.admin.js';
import { RedisBrokerAdmin } from './redis.broker-admin.js';
import { checkServer } from './redis.checks.js';
import { RedisClients, type RedisModule } from './redis.client.js';
import { RedisConsumer } from './redis.consumer.js';
import { redisFeatures } from './redis.features.js';
import { entryFormatOf } from './redis.formats.js';
import type { EntryFormat } from './redis.fields.js';
import { RedisKeys } from './redis.keys.js';
import { RedisProducer } from './redis.producer.js';
import { RedisTopics } from './redis.topics.js';

/** @throws MissingPackageError when ioredis is not installed. */
export async function createRedisDriver(options: ResolvedRedisOptions, context: DriverContext): Promise<Driver> {
  const ioredis = await optionalPackage('ioredis', 'a Redis connection', () => import('ioredis'));
  return new RedisDriver(ioredis, options, context);
}

/** Redis Streams through ioredis. */
class RedisDriver implements Driver {
  readonly features = redisFeatures;
  readonly admin: RedisAdmin;
  readonly brokerAdmin: RedisBrokerAdmin;
  private readonly clients: RedisClients;
  private readonly command: Redis;
  private readonly keys: RedisKeys;
  private readonly format: EntryFormat;
  private readonly topics: RedisTopics;
  private readonly producer: RedisProducer;
  private readonly mover: Mover;
  private readonly janitor: Janitor;
  private readonly quarantine = new Quarantine();
  private readonly consumers = new Set<RedisConsumer>();

  constructor(
    ioredis: RedisModule,
    private readonly options: ResolvedRedisOptions,
    private readonly context: DriverContext,
  ) {
    const { clock, log, connection } = context;
    this.clients = new RedisClients(ioredis, options, context);
    const client = (this.command = this.clients.command());
    const keys = (this.keys = new RedisKeys(options.prefix ?? ''));
    const format = (this.format = entryFormatOf(options));
    const topics = (this.topics = new RedisTopics({ client, keys, connection }));
    const mover = (this.mover = new Mover({ client, clock, log }));
    this.admin = new RedisAdmin(client, topics, context);
    this.brokerAdmin = new RedisBrokerAdmin({
      client,
      createReader: () => this.clients.reader(),
      keys,
      topics: new RedisTopics({ client, keys, connection }),
      known: topics,
      admin: this.admin,
      format,
      options,
      context,
    });
    this.producer = new RedisProducer({
      client: this.clients.producer(),
      topics,
      keys,
      format,
      mover,
      options,
      context,
    });
    this.janitor = new Janitor({ client, clock, log, topics, options });
    this.janitor.start();
  }

  connect(): Promise<void> {
    return checkServer(this.clients, this.options, this.context);
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    return this.producer.send(records, deadline);
  }

  subscribe(request: SubscribeRequest, sink: DeliverySink): Subscription {
    const consumer = new RedisConsumer({ ...this.shared, request, sink });
    this.consumers.add(consumer);
    consumer.start();
    return consumer;
  }

  async close(deadline: Deadline): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop(deadline)));
    this.janitor.close();
    await this.producer.close(deadline);
    await settledBefore(this.mover.close(), deadline);
    this.command.disconnect();
  }

  private get shared() {
    const { clients, command, topics, keys, format, producer, mover, janitor, quarantine, options, context } = this;
    return { clients, command, topics, keys, format, producer, mover, janitor, quarantine, options, context };
  }
}
