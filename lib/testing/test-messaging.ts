import type { INestMicroservice } from '@nestjs/common';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { sleep, systemClock, type Clock } from '../core/clock.js';
import { HEADER } from '../core/header-names.js';
import { events } from '../core/events.js';
import type { MessageHeaders } from '../core/headers.js';
import type { SentRecord } from '../core/message.js';
import { partitionOf } from '../core/murmur2.js';
import { Connections } from '../connection/connections.js';
import { HandlerRegistry } from '../discovery/handler.registry.js';
import type { BrokerOperation } from '../memory-broker/memory-broker.js';
import { CLOCK, DRIVER_FACTORY, MESSAGING_OPTIONS } from '../messaging.tokens.js';
import type { ResolvedMessagingOptions } from '../options/messaging.options.js';
import { type SendOptions, toRecord } from '../producer/to-record.js';
import { topicNameOf, type TopicClass, type TopicRef } from '../topic/topic.js';
import { MessagingRuntime } from '../worker/messaging.runtime.js';
import { messagingMicroservice } from '../worker/messaging.server.js';
import { type Duration, toMs } from './duration.js';
import { FakeClock } from './fake-clock.js';
import { MemoryDrivers } from './memory-drivers.js';
import { SentReader, type SentRecordOf } from './sent-messages.js';
import { unfinished } from './unfinished.js';

const IDLE_TIMEOUT_MS = 5_000;
/** Turns of the event loop without any change after which nothing is on its way. */
const CALM_TURNS = 4;
/** What tells that an app is not idle yet. */
const ACTIVITY: readonly Activity[] = [events.sent, events.settled, events.retry, events.connection];

interface Activity {
  subscribe(listen: () => void): void;
  unsubscribe(listen: () => void): void;
}

/** A message that the app under test sent. */
export interface SentMessage<Message = unknown, Key = string> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** As text, or as the topic's `keySchema` has it; bytes where that cannot be read. */
  readonly key: Key | undefined;
  /**
   * The payload: parsed where it is JSON; an instance where it is Avro and the topic's class is known, by `sent(Topic)`, a handler or
   * `forFeature`; else a Buffer; `null` for a tombstone. Where a registry has to be asked for the schema, after `idle()`.
   */
  readonly message: Message;
  readonly headers: MessageHeaders;
}

export interface DeliverOptions extends Omit<SendOptions, 'topic' | 'delayMs'> {
  readonly key?: string | Buffer;
  /** The connection that the message comes over; the default one without it. */
  readonly broker?: string;
}

/** An app under test, with every connection embedded and a clock that stands until `advance` moves it. */
export interface TestMessaging {
  readonly app: INestMicroservice;
  /** What the app sent to a topic, over one connection, in the order of the sends. */
  sent<Message = unknown>(topic: TopicRef, connection?: string): readonly SentMessage<Message>[];
  /** The messages of a topic that its handlers gave up. */
  deadLetters<Message = unknown>(topic: TopicRef, connection?: string): readonly SentMessage<Message>[];
  /** Brings a message in, as if another service had sent it; `sent` does not list it. */
  deliver(topic: TopicRef, message: unknown, options?: DeliverOptions): Promise<SentRecord>;
  /**
   * Resolves when nothing can happen any more without `advance`: no handler runs, and what is not handled waits for its time.
   * @throws Error after `timeoutMs` (5000) of real time, saying what is left.
   */
  idle(timeoutMs?: number): Promise<void>;
  /** Lets time pass at once: retries, batches and delayed messages that come due are handled, each at its own time. */
  advance(duration: Duration): Promise<void>;
  /**
   * Makes the next operation of this kind fail: `send` of a record, `settle` of a message, `connect` of a connection that is opened later.
   * An error of this library fails as it says by itself; any other counts as a broker that cannot be reached.
   */
  failNext(operation: BrokerOperation, error: Error, connection?: string): void;
  /** Makes all groups share their partitions out anew, as when a member comes or goes; running handlers are awaited. */
  rebalance(): Promise<void>;
  /** Closes the app; from now on time passes by itself, so that deadlines come. */
  close(): Promise<void>;
}

/**
 * Starts the app of a testing module with an embedded broker behind each of its connections: no broker is needed and nothing leaves
 * the process.
 *
 * @example
 * ```ts
 * const messaging = await createTestMessaging(Test.createTestingModule({ imports: [AppModule] }));
 * await messaging.deliver('orders', { id: 1 }, { key: 'customer-7' });
 * await messaging.idle();
 * expect(messaging.sent('payments')).toMatchObject([{ message: { orderId: 1 } }]);
 * await messaging.close();
 * ```
 */
export async function createTestMessaging(builder: TestingModuleBuilder): Promise<TestMessaging> {
  const clock = new FakeClock(systemClock.now());
  const observed = new ObservedBrokers(clock);
  const overridden = builder.overrideProvider(DRIVER_FACTORY).useValue(observed.drivers);
  const module = await overridden.overrideProvider(CLOCK).useValue(clock).compile();
  const app = module.createNestMicroservice(messagingMicroservice());
  await app.listen();
  const messaging = new RunningApp(app, observed, clock);
  await messaging.idle();
  return messaging;
}

/** The brokers behind the app, and what the app wrote to them. */
class ObservedBrokers {
  readonly drivers: MemoryDrivers;
  readonly sent: SentRecordOf[] = [];
  /** Counts what happened, as the library's events tell it. */
  changes = 0;
  isDelivering = false;

  constructor(clock: Clock) {
    for (const channel of ACTIVITY) channel.subscribe(this.onChange);
    this.drivers = new MemoryDrivers(clock, (connection, broker) => {
      broker.events.on('append', (topic, partition, record) => {
        if (!this.isDelivering) this.sent.push({ connection, topic, partition, record });
        this.changes++;
      });
    });
  }

  close(): void {
    for (const channel of ACTIVITY) channel.unsubscribe(this.onChange);
  }

  private readonly onChange = () => void this.changes++;
}

class RunningApp implements TestMessaging {
  private readonly reader: SentReader;
  private readonly classes: ReadonlyMap<string, TopicClass>;

  constructor(
    readonly app: INestMicroservice,
    private readonly observed: ObservedBrokers,
    private readonly clock: FakeClock,
  ) {
    const connections = app.get(Connections);
    this.reader = new SentReader((name) => connections.get(name).formats);
    const { handlers, topics } = app.get(HandlerRegistry).definitions;
    const classes = [...topics.map(({ topic }) => topic), ...handlers.flatMap(({ topicClasses }) => topicClasses)];
    this.classes = new Map(classes.map((one) => [one.topicName, one]));
  }

  sent<Message>(topic: TopicRef, connection = this.defaultConnection): readonly SentMessage<Message>[] {
    const own = this.observed.sent.filter((one) => one.connection === connection && one.topic === topicNameOf(topic));
    const given = typeof topic === 'string' ? undefined : topic;
    return own.map((one) => this.reader.messageOf<Message>(one, given ?? this.classOf(one)));
  }

  async deliver(topic: TopicRef, message: unknown, options: DeliverOptions = {}): Promise<SentRecord> {
    const connection = options.broker ?? this.defaultConnection;
    const broker = this.observed.drivers.broker(connection);
    const { formats } = this.app.get(Connections).get(connection);
    const record = await toRecord(message, options.key, { ...options, topic }, { formats });
    const target = broker.createTopic(record.topic, 3);
    const partition = record.partition ?? (record.key === null ? 0 : partitionOf(record.key, target.logs.length));
    this.observed.isDelivering = true;
    const offset = broker.append(target, partition, record);
    this.observed.isDelivering = false;
    return { topic: record.topic, partition, offset: String(offset) };
  }

  deadLetters<Message>(topic: TopicRef, connection = this.defaultConnection): readonly SentMessage<Message>[] {
    const source = topicNameOf(topic);
    const { handlers } = this.app.get(HandlerRegistry).definitions;
    const policies = handlers.filter((handler) => handler.topic === source).map(({ deadLetter }) => deadLetter);
    const names = policies.flatMap((policy) => (policy.kind === 'topic' ? [policy.topic] : []));
    const letters = [...new Set(names)].flatMap((name) => this.sent<Message>(name, connection));
    return letters.filter(({ headers }) => headers.get(HEADER.originalTopic) === source);
  }

  async idle(timeoutMs: number = IDLE_TIMEOUT_MS): Promise<void> {
    const end = systemClock.now() + timeoutMs;
    for (let calm = 0; calm < CALM_TURNS;) {
      const { changes } = this.observed;
      await (this.isRunning ? sleep(systemClock, 1) : new Promise(setImmediate));
      calm = this.isRunning || changes !== this.observed.changes ? 0 : calm + 1;
      if (calm === 0 && systemClock.now() > end)
        throw new Error(`Not idle after ${timeoutMs} ms: ${unfinished(this.observed.drivers.all)}.`);
    }
    await Promise.all(this.observed.sent.map((one) => this.reader.prepare(one, this.classOf(one))));
  }

  async advance(duration: Duration): Promise<void> {
    await this.clock.advance(toMs(duration), () => this.idle());
  }

  failNext(operation: BrokerOperation, error: Error, connection = this.defaultConnection): void {
    this.observed.drivers.broker(connection).failNext(operation, error);
  }

  async rebalance(): Promise<void> {
    await Promise.all(this.observed.drivers.all.map((broker) => broker.rebalance()));
    await this.idle();
  }

  async close(): Promise<void> {
    this.clock.run();
    await this.app.close();
    this.observed.close();
  }

  /** How its payload is read: a dead letter's as its topic's. */
  private classOf({ topic, record }: SentRecordOf): TopicClass | undefined {
    const origin = record.headers.find(([name]) => name === HEADER.originalTopic)?.[1].toString('utf8');
    return this.classes.get(topic) ?? this.classes.get(origin ?? '');
  }

  private get isRunning(): boolean {
    return this.app.get(MessagingRuntime).running > 0;
  }

  private get defaultConnection(): string {
    return this.app.get<ResolvedMessagingOptions>(MESSAGING_OPTIONS).broker;
  }
}
