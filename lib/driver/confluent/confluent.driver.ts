import type { Deadline } from '../../core/clock.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, Driver, DriverContext, SubscribeRequest, Subscription, TopicAdmin } from '../driver.js';
import type { BrokerAdmin } from '../broker-admin.js';
import { KafkaBrokerAdmin } from '../kafka/kafka.broker-admin.js';
import { ConfluentAdminClient } from './confluent.admin-client.js';
import { loadConfluent } from './confluent.client.js';
import { createConfluentConsumer } from './confluent.consumer.js';
import { confluentFeatures } from './confluent.features.js';
import type { ConfluentModule } from './confluent.native.js';
import { ConfluentProducer } from './confluent.producer.js';
import { KafkajsSettings } from './kafkajs-settings.js';

/** @throws MissingPackageError when the client is not installed, or its addon is not built. */
export async function createConfluentDriver(options: ResolvedKafkaOptions, context: DriverContext): Promise<Driver> {
  return new ConfluentDriver(await loadConfluent(), options, context);
}

/** Kafka through librdkafka, by the raw API of `@confluentinc/kafka-javascript`. */
class ConfluentDriver implements Driver {
  readonly features = confluentFeatures;
  readonly admin: TopicAdmin;
  readonly brokerAdmin: BrokerAdmin;
  private readonly producer: ConfluentProducer;
  private readonly settings: KafkajsSettings;
  private readonly consumers = new Set<Subscription>();

  constructor(
    private readonly confluent: ConfluentModule,
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
  ) {
    this.settings = new KafkajsSettings(options, context);
    this.producer = new ConfluentProducer(confluent, options, context, this.settings);
    const { admin } = this.producer;
    this.admin = admin;
    const native = () => this.producer.client;
    const asking = { confluent, admin, native, settings: this.settings, options, context };
    this.brokerAdmin = new KafkaBrokerAdmin(new ConfluentAdminClient(asking), context);
  }

  connect(): Promise<void> {
    return this.producer.connect();
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    return this.producer.send(records, deadline);
  }

  subscribe(request: SubscribeRequest, sink: DeliverySink): Subscription {
    const { confluent, options, context, producer } = this;
    const consumer = createConfluentConsumer({ confluent, options, context, producer, request, sink });
    this.consumers.add(consumer);
    consumer.start();
    return consumer;
  }

  async close(deadline: Deadline): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop(deadline)));
    await this.producer.close(deadline);
    await this.settings.close();
  }
}
