import type { Kafka, RetryOptions } from 'kafkajs';
import { settledBefore, type Deadline } from '../../core/clock.js';
import type { MessagingError } from '../../core/errors.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { DeliverySink, Driver, DriverContext, SubscribeRequest, Subscription } from '../driver.js';
import type { BrokerAdmin } from '../broker-admin.js';
import { BrokerProbe } from '../kafka/broker-probe.js';
import { BrokerStatus } from '../kafka/broker-status.js';
import { KafkaBrokerAdmin } from '../kafka/kafka.broker-admin.js';
import { explainRefusal } from '../kafka/explain-refusal.js';
import { withSharedToken } from '../kafka/sasl-tokens.js';
import { optionalPackage } from '../optional-package.js';
import { registerCodecs } from './codecs/register-codecs.js';
import { KafkajsAdmin } from './kafkajs.admin.js';
import { KafkajsAdminClient } from './kafkajs.admin-client.js';
import { createClient, type KafkajsModule } from './kafkajs.client.js';
import { createKafkajsConsumer } from './kafkajs.consumer.js';
import { toMessagingError } from './kafkajs.errors.js';
import { kafkajsFeatures } from './kafkajs.features.js';
import { KafkajsProducer } from './kafkajs.producer.js';
import { producersOf } from './produce/create-producer.js';

/** @throws MissingPackageError when kafkajs is not installed, or what `compressionType` needs. */
export async function createKafkajsDriver(options: ResolvedKafkaOptions, context: DriverContext): Promise<Driver> {
  // its `default`: as an ES module Node does not find all the names in the CommonJS, such as those of the codecs
  const { default: kafkajs } = await optionalPackage('kafkajs', 'a Kafka connection', () => import('kafkajs'));
  const codecs = registerCodecs(kafkajs);
  if (options.compressionType !== 'none') await codecs.load(options.compressionType);
  return new KafkajsDriver(kafkajs, withSharedToken(options, context), context);
}

/** Kafka through kafkajs. */
class KafkajsDriver implements Driver {
  readonly features = kafkajsFeatures;
  readonly admin: KafkajsAdmin;
  readonly brokerAdmin: BrokerAdmin;
  private readonly client: Kafka;
  private readonly producer: KafkajsProducer;
  private readonly status: BrokerStatus;
  private readonly probe: BrokerProbe<KafkajsAdmin>;
  private readonly consumers = new Set<Subscription>();
  private isClosed = false;

  constructor(
    private readonly kafkajs: KafkajsModule,
    private readonly options: ResolvedKafkaOptions,
    private readonly context: DriverContext,
  ) {
    const onHangUp = () => void this.probe.ask();
    this.client = createClient(kafkajs, options, context, { onHangUp });
    this.admin = new KafkajsAdmin(this.client, context);
    const asking = { kafkajs, client: this.client, admin: this.admin, options, context };
    this.brokerAdmin = new KafkaBrokerAdmin(new KafkajsAdminClient(asking), context);
    this.status = new BrokerStatus(context, (thrown) => toMessagingError(thrown, { connection: context.connection }));
    this.probe = new BrokerProbe({
      clock: context.clock,
      status: this.status,
      client: () => (this.isClosed ? undefined : this.admin),
      question: (admin) => admin.ask(undefined, (client) => client.describeCluster()),
    });
    const sending = createClient(kafkajs, options, context, { retry: sendRetries(options), onHangUp });
    const createProducer = producersOf(sending, kafkajs);
    const { admin } = this;
    const onAway = (error: MessagingError) => this.onAway(error);
    this.producer = new KafkajsProducer({ createProducer, admin, options, context, onAway });
  }

  /** A client of its own without repeats, so that one attempt is one attempt: each address is asked once. */
  async connect(): Promise<void> {
    const retries = this.options.bootstrapServers.length - 1;
    const probe = createClient(this.kafkajs, this.options, this.context, { retry: { retries } }).admin();
    try {
      await probe.connect();
      await probe.describeCluster();
    } catch (error) {
      throw await explainRefusal(toMessagingError(error, { connection: this.context.connection }), this.options);
    } finally {
      await probe.disconnect();
    }
    void this.probe.ask(); // its connection stays, and its end tells that a broker is away although nobody sends
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
    this.isClosed = true;
    await Promise.all([...this.consumers].map((consumer) => consumer.stop(deadline)));
    await this.producer.close(deadline);
    await settledBefore(this.admin.close(), deadline); // it may be connecting to a broker that is away
  }

  /** A send was not answered; it goes again by itself. */
  private onAway(error: MessagingError): void {
    this.status.trouble(error);
    void this.probe.ask();
  }
}

/** An idempotent request is repeated inside kafkajs for as long as a send may take: only there it keeps its sequence numbers. */
function sendRetries({ enableIdempotence, deliveryTimeoutMs, retryBackoffMs }: ResolvedKafkaOptions): RetryOptions {
  return enableIdempotence ? { retries: 5 + Math.ceil(deliveryTimeoutMs / (retryBackoffMs * 30)) } : {};
}
