import type { Clock, Deadline } from '../core/clock.js';
import { ClosedError, ConfigurationError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { Connections } from '../connection/connections.js';
import type { HandlerRegistry } from '../discovery/handler.registry.js';
import { unknownConnection } from '../options/connection.options.js';
import type { ResolvedMessagingOptions } from '../options/messaging.options.js';
import { expected, resolveOptions } from '../options/resolve-options.js';
import { streamOptions, type StreamOptions } from '../options/stream.options.js';
import { rawSerializer } from '../serialization/raw.serializer.js';
import { topicNameOf } from '../topic/topic.js';
import { ensureTopics } from '../worker/ensure-topics.js';
import { MessageStream } from './message-stream.js';

export interface ConsumerServiceParts {
  readonly options: ResolvedMessagingOptions;
  readonly connections: Connections;
  readonly registry: HandlerRegistry;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who reads a topic: no two in one process, since each would get a part of the messages. */
interface Reader {
  readonly connection: string;
  readonly groupId: string;
  readonly topics: readonly string[];
}

/**
 * Reads topics by hand, where a decorator is not the thing: in a script, in a test, in a loop of one's own. It is there wherever
 * `MessagingModule` is.
 *
 * @example
 * ```ts
 * const stream = await consumers.open<Order>({ topics: ['orders'], groupId: 'exporter' });
 * for await (const message of stream) {
 *   await file.write(message.value);
 *   await stream.ack(message);
 * }
 * ```
 */
export class ConsumerService {
  private readonly streams = new Map<MessageStream<unknown, unknown>, Reader>();
  private draining: Promise<void> | undefined;

  /** @internal */
  constructor(private readonly parts: ConsumerServiceParts) {}

  /**
   * Joins the group and returns its messages as they come. Missing topics, and those for dead letters, are created as for handlers.
   * @throws ConfigurationError for options that cannot work, or where a handler or a stream reads the same topic in the same group.
   * @throws MessagingError when the connection can never be opened.
   */
  async open<Value = unknown, Key = string>(input: StreamOptions): Promise<MessageStream<Value, Key>> {
    if (this.draining) throw new ClosedError('The app is closing: no stream can be opened. Open it before.');
    const { own, reader } = this.resolve(input);
    const { options, connections, clock, log } = this.parts;
    const connection = connections.get(reader.connection);
    const { maxPollRecords, autoOffsetReset } = connection.settings.options;
    const topics = reader.topics.map((topic) => ({
      topic,
      autoOffsetReset: own.autoOffsetReset ?? autoOffsetReset,
      maxUncommitted: own.maxUncommitted,
      maxInFlight: own.maxInFlight,
    }));
    const stream: MessageStream<Value, Key> = new MessageStream<Value, Key>({
      clock,
      log,
      serializer: own.raw ? rawSerializer : connection.formats.ofAll(own.topics ?? []),
      request: { groupId: reader.groupId, topics, maxPollRecords, drainTimeoutMs: options.drainTimeoutMs },
      maxInFlight: own.maxInFlight,
      initialDelayMs: own.initialDelayMs,
      hasPartitions: connection.features.partitions,
      onClosed: () => this.streams.delete(stream),
    });
    this.streams.set(stream, reader);
    try {
      const driver = await connection.open();
      await ensureTopics(driver.admin, options.ensureTopics, { handlers: [], classes: [], streamed: reader.topics });
      stream.start(driver);
    } catch (error) {
      this.streams.delete(stream);
      throw error;
    }
    return stream;
  }

  /** Ends all streams: their loops end, and what is handed out may be acknowledged until the deadline. @internal */
  drain(deadline: Deadline): Promise<void> {
    this.draining ??= Promise.all([...this.streams.keys()].map((stream) => stream.drain(deadline))).then(() => {});
    return this.draining;
  }

  private resolve(input: StreamOptions) {
    const { options } = this.parts;
    const faults: string[] = [];
    const own = resolveOptions(streamOptions, { path: '', input, faults });
    const connection = own.broker ?? options.broker;
    const groupId = own.groupId ?? options.groupId ?? options.connections.get(connection)?.explicitClientId ?? '';
    const reader = { connection, groupId, topics: (own.topics ?? []).map(topicNameOf) };
    if (own.topics === undefined) faults.push(expected('topics', 'an array of topics, with one at least', undefined));
    if (groupId === '')
      faults.push('The stream has no consumer group. Set `groupId` there or in MessagingModule.forRoot.');
    if (!options.connections.has(connection))
      faults.push(unknownConnection('broker', connection, options.connections.keys()));
    faults.push(...this.clashes(reader));
    if (faults.length > 0) throw new ConfigurationError([...new Set(faults)], 'A stream cannot be opened');
    return { own, reader };
  }

  private clashes(reader: Reader): string[] {
    const handlers = this.parts.registry.definitions.handlers.map((handler) => ({
      ...handler,
      topics: [handler.topic],
    }));
    const others = [...handlers, ...[...this.streams.values()].map((one) => ({ ...one, name: 'another stream' }))];
    return others
      .filter(({ connection, groupId }) => connection === reader.connection && groupId === reader.groupId)
      .flatMap(({ name, topics }) =>
        topics.filter((topic) => reader.topics.includes(topic)).map((topic) => ({ name, topic })),
      )
      .map(
        ({ name, topic }) =>
          `Topic \`${topic}\` of ${reader.connection} is read by ${name} as group \`${reader.groupId}\` already: each would get a part of the messages. Give the stream another \`groupId\`.`,
      );
  }
}
