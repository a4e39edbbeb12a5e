import { settledBefore, type Deadline } from '../../core/clock.js';
import type { MessagingError } from '../../core/errors.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, Driver, DriverContext, SubscribeRequest, Subscription, TopicAdmin } from '../driver.js';
import type { BrokerAdmin } from '../broker-admin.js';
import { KafkaBrokerAdmin } from '../kafka/kafka.broker-admin.js';
import { ConfluentAdminClient } from './confluent.admin-client.js';
import { explainRefusal } from '../kafka/explain-refusal.js';
import { withSharedToken } from '../kafka/sasl-tokens.js';
import { readTlsFiles } from '../tls-files.js';
import { loadConfluent } from './confluent.client.js';
import { createConfluentConsumer } from './confluent.consumer.js';
import { confluentFeatures } from './confluent.features.js';
import type { ConfluentModule } from './confluent.native.js';
import { ConfluentProducer } from './confluent.producer.js';
import { adminOfBound } from './decompression-bound.js';
import { KafkajsBeside } from './kafkajs-beside.js';

/** @throws MissingPackageError when the client is not installed, or its addon is not built. */
export async function createConfluentDriver(options: ResolvedKafkaOptions, context: DriverContext): Promise<Driver> {
  readTlsFiles(options); // what cannot be used is told better than librdkafka does
  return new ConfluentDriver(await loadConfluent(), withSharedToken(options, context), context);
}

/** Kafka through librdkafka, by the raw API of `@confluentinc/kafka-javascript`. */
class ConfluentDriver implements Driver {
  readonly features = confluentFeatures;
  readonly admin: TopicAdmin;
  readonly brokerAdmin: BrokerAdmin;
  private readonly producer: ConfluentProducer;
  private readonly kafkajs: KafkajsBeside;
  private readonly consumers = new Set<Subscription>();

  constructor(
    private readonly confluent: ConfluentModule,
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
  ) {
    this.kafkajs = new KafkajsBeside(options, context);
    this.producer = new ConfluentProducer(confluent, options, context, this.kafkajs);
    const { admin } = this.producer;
    this.admin = admin;
    const native = () => this.producer.client;
    const asking = { confluent, admin, native, kafkajs: this.kafkajs, options, context };
    this.brokerAdmin = new KafkaBrokerAdmin(new ConfluentAdminClient(asking), context);
  }

  async connect(): Promise<void> {
    await adminOfBound(this.options, this.kafkajs); // told at once where kafkajs is missing
    try {
      await this.producer.connect();
    } catch (error) {
      throw await explainRefusal(error as MessagingError, this.options);
    }
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    return this.producer.send(records, deadline);
  }

  subscribe(request: SubscribeRequest, sink: DeliverySink): Subscription {
    const { confluent, options, context, producer, kafkajs } = this;
    const consumer = createConfluentConsumer({ confluent, options, context, producer, kafkajs, request, sink });
    this.consumers.add(consumer);
    consumer.start();
    return consumer;
  }

  async close(deadline: Deadline): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop(deadline)));
    await this.producer.close(deadline);
    await settledBefore(this.kafkajs.close(), deadline); // it may wait for a broker that is away
  }
}
