import type { Kafka, RetryOptions } from 'kafkajs';
import type { Deadline } from '../../core/clock.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, Driver, DriverContext, SubscribeRequest, Subscription } from '../driver.js';
import type { BrokerAdmin } from '../broker-admin.js';
import { KafkaBrokerAdmin } from '../kafka/kafka.broker-admin.js';
import { optionalPackage } from '../optional-package.js';
import { KafkajsAdmin } from './kafkajs.admin.js';
import { KafkajsAdminClient } from './kafkajs.admin-client.js';
import { createClient, type KafkajsModule } from './kafkajs.client.js';
import { createKafkajsConsumer } from './kafkajs.consumer.js';
import { toMessagingError } from './kafkajs.errors.js';
import { kafkajsFeatures } from './kafkajs.features.js';
import { KafkajsProducer } from './kafkajs.producer.js';

/** @throws MissingPackageError when kafkajs is not installed. */
export async function createKafkajsDriver(options: ResolvedKafkaOptions, context: DriverContext): Promise<Driver> {
  const kafkajs = await optionalPackage('kafkajs', 'a Kafka connection', () => import('kafkajs'));
  return new KafkajsDriver(kafkajs, options, context);
}

/** Kafka through kafkajs. */
class KafkajsDriver implements Driver {
  readonly features = kafkajsFeatures;
  readonly admin: KafkajsAdmin;
  readonly brokerAdmin: BrokerAdmin;
  private readonly client: Kafka;
  private readonly producer: KafkajsProducer;
  private readonly consumers = new Set<Subscription>();

  constructor(
    private readonly kafkajs: KafkajsModule,
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
  ) {
    this.client = createClient(kafkajs, options, context);
    this.admin = new KafkajsAdmin(this.client, context);
    const asking = { kafkajs, client: this.client, admin: this.admin, options, context };
    this.brokerAdmin = new KafkaBrokerAdmin(new KafkajsAdminClient(asking), context);
    this.producer = new KafkajsProducer(
      createClient(kafkajs, options, context, sendRetries(options)),
      this.admin,
      options,
      context,
    );
  }

  /** A client of its own without repeats, so that one attempt is one attempt: each address is asked once. */
  async connect(): Promise<void> {
    const retries = this.options.bootstrapServers.length - 1;
    const probe = createClient(this.kafkajs, this.options, this.context, { retries }).admin();
    try {
      await probe.connect();
      await probe.describeCluster();
    } catch (error) {
      throw toMessagingError(error, { connection: this.context.connection });
    } finally {
      await probe.disconnect();
    }
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    return this.producer.send(records, deadline);
  }

  subscribe(request: SubscribeRequest, sink: DeliverySink): Subscription {
    const { kafkajs, client, options, context, admin, producer } = this;
    const consumer = createKafkajsConsumer({ kafkajs, client, options, context, admin, producer, request, sink });
    this.consumers.add(consumer);
    consumer.start();
    return consumer;
  }

  async close(deadline: Deadline): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop(deadline)));
    await this.producer.close(deadline);
    await this.admin.close();
  }
}

/** An idempotent request is repeated inside kafkajs for as long as a send may take: only there it keeps its sequence numbers. */
function sendRetries({ enableIdempotence, deliveryTimeoutMs, retryBackoffMs }: ResolvedKafkaOptions): RetryOptions {
  return enableIdempotence ? { retries: 5 + Math.ceil(deliveryTimeoutMs / (retryBackoffMs * 30)) } : {};
}
