import type { Deadline } from '../../core/clock.js';
import type { OutgoingRecord, SendResult } from '../../core/message.js';
import type { ResolvedMemoryOptions } from '../../options/memory.options.js';
import { MemoryBroker } from '../../memory-broker/memory-broker.js';
import type { DeliverySink, Driver, DriverContext, SubscribeRequest, Subscription, TopicAdmin } from '../driver.js';
import { MemoryAdmin } from './memory.admin.js';
import { MemoryBrokerAdmin } from './memory.broker-admin.js';
import { MemoryConsumer } from './memory.consumer.js';
import { memoryFeatures } from './memory.features.js';
import { MemoryProducer } from './memory.producer.js';

/** The embedded broker as a driver. */
export class MemoryDriver implements Driver {
  readonly features = memoryFeatures;
  readonly admin: TopicAdmin;
  readonly brokerAdmin: MemoryBrokerAdmin;
  private readonly broker: MemoryBroker;
  private readonly producer: MemoryProducer;
  private readonly consumers = new Set<MemoryConsumer>();

  constructor(
    options: ResolvedMemoryOptions,
    private readonly context: DriverContext,
  ) {
    this.broker = options.broker ?? new MemoryBroker({ clock: context.clock });
    this.admin = new MemoryAdmin(this.broker, options.partitions);
    this.brokerAdmin = new MemoryBrokerAdmin(this.broker);
    this.producer = new MemoryProducer(this.broker, options, context);
  }

  async connect(): Promise<void> {
    const fault = this.broker.takeFault('connect');
    if (fault) throw fault;
  }

  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]> {
    return this.producer.send(records, deadline);
  }

  subscribe(request: SubscribeRequest, sink: DeliverySink): Subscription {
    const { broker, producer, context } = this;
    const consumer = new MemoryConsumer({ broker, producer, context, request, sink });
    this.consumers.add(consumer);
    consumer.start();
    return consumer;
  }

  async close(deadline: Deadline): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop(deadline)));
    this.producer.close();
  }
}
