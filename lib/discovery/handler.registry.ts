import { ConfigurationError } from '../core/errors.js';
import type { DriverFactory } from '../driver/driver.factory.js';
import { unknownHandlers, type ResolvedMessagingOptions } from '../options/messaging.options.js';
import { didYouMean } from '../options/suggest.js';
import { topicClassFaults } from '../topic/topic-class-faults.js';
import type { TopicClass } from '../topic/topic.js';
import type { HandlerDefinition } from '../worker/handler-definition.js';
import { defineHandler } from './define-handler.js';
import { declaredFaults, producerFaults } from './topic-faults.js';
import type { Findings, MessagingExplorer } from './messaging.explorer.js';

/** A topic that the app declares beside its handlers, by `forFeature` or `@Producer`. */
export interface DeclaredTopic {
  readonly connection: string;
  readonly topic: TopicClass;
  /** Whether the app writes it. What `forFeature` names counts as written where no handler reads it. */
  readonly isWritten: boolean;
}

/** The handlers of an app and the topics it declares. */
export interface Definitions {
  readonly handlers: readonly HandlerDefinition[];
  readonly topics: readonly DeclaredTopic[];
  /** The connections that `@Producer` names, or takes by default. */
  readonly producing: readonly string[];
}

/** A part of the app's handlers, for a process that runs no more. */
export interface HandlerSelection {
  readonly names: readonly string[];
  /** Instead of what each says itself. */
  readonly concurrency?: number | undefined;
}

/** What the app declares, found and checked once, with the first look at it. */
export class HandlerRegistry {
  private found: Definitions | undefined;

  constructor(
    private readonly explorer: MessagingExplorer,
    private readonly options: ResolvedMessagingOptions,
    private readonly drivers: DriverFactory,
  ) {}

  /** @throws ConfigurationError with all faults of options and handlers together. */
  get definitions(): Definitions {
    this.found ??= define(this.explorer.explore(), this.options, this.drivers);
    return this.found;
  }

  /**
   * Leaves these handlers only. To be called before the app starts.
   * @throws ConfigurationError for a name that no handler has.
   */
  select({ names, concurrency }: HandlerSelection): void {
    const { handlers, ...rest } = this.definitions;
    const faults = unknownWorkers(names, handlers);
    if (faults.length > 0) throw new ConfigurationError(faults, 'Nothing is started');
    const chosen = handlers.filter(({ name }) => names.includes(name));
    this.found = { ...rest, handlers: concurrency === undefined ? chosen : chosen.map((one) => at(one, concurrency)) };
  }
}

function at(handler: HandlerDefinition, concurrency: number): HandlerDefinition {
  return { ...handler, dispatch: { ...handler.dispatch, concurrency } };
}

function unknownWorkers(names: readonly string[], handlers: readonly HandlerDefinition[]): string[] {
  const known = handlers.map(({ name }) => name);
  const strangers = names.filter((name) => !known.includes(name));
  return strangers.map(
    (name) => `There is no handler \`${name}\`${didYouMean(name, known) || `; known are ${known.join(', ')}.`}`,
  );
}

function define(found: Findings, options: ResolvedMessagingOptions, drivers: DriverFactory): Definitions {
  const faults = [...options.faults, ...found.faults];
  const parts = { options, features: drivers.features.bind(drivers), faults };
  const handlers = found.handlers.flatMap((handler) => defineHandler(handler, parts) ?? []);
  const names = found.handlers.map(({ metadata, defaultName }) => metadata.options.name ?? defaultName);
  const topics = declaredTopics(found, handlers, options.broker);
  const classes = new Set([
    ...topics.map(({ topic }) => topic),
    ...handlers.flatMap(({ topicClasses }) => topicClasses),
  ]);
  faults.push(...unknownHandlers(options.handlers, names), ...twins(handlers));
  faults.push(...topicTwins([...classes]), ...[...classes].flatMap(topicClassFaults));
  faults.push(...declaredFaults(found.topics, parts), ...producerFaults(found.producers, parts));
  if (faults.length > 0) throw new ConfigurationError(faults);
  return { handlers, topics, producing: found.producers.map(({ broker }) => broker ?? options.broker) };
}

function declaredTopics(
  { topics, producers }: Findings,
  handlers: readonly HandlerDefinition[],
  broker: string,
): DeclaredTopic[] {
  const isRead = (name: string) => handlers.some(({ connection, topic }) => connection === broker && topic === name);
  return [
    ...topics.map((topic) => ({ connection: broker, topic, isWritten: !isRead(topic.topicName) })),
    ...producers.flatMap(({ topic, broker: connection = broker }) =>
      typeof topic === 'string' ? [] : [{ connection, topic, isWritten: true }],
    ),
  ];
}

function twins(handlers: readonly HandlerDefinition[]): string[] {
  return [
    ...pairs(handlers, ({ name }) => name).map(
      ([a, b]) =>
        `Two handlers are named \`${a.name}\`: ${a.place} and ${b.place}. Provide the class in one module, or set \`name\`.`,
    ),
    ...pairs(handlers, ({ connection, groupId, topic }) => JSON.stringify([connection, groupId, topic])).flatMap(
      ([a, b]) => (a.name === b.name ? [] : [sharedMessages(a, b)]),
    ),
  ];
}

function sharedMessages(a: HandlerDefinition, b: HandlerDefinition): string {
  return `Handlers \`${a.name}\` and \`${b.name}\` both read topic \`${a.topic}\` of ${a.connection} as group \`${a.groupId}\`: each would get a part of the messages. Give one another \`groupId\`, or make them one handler.`;
}

function topicTwins(topics: readonly TopicClass[]): string[] {
  return pairs(topics, ({ topicName }) => topicName).map(
    ([{ topicName }]) => `Two topic classes are named \`${topicName}\`. Declare it once.`,
  );
}

/** Each item that has the key of an earlier one, with that one. */
function pairs<T>(items: readonly T[], keyOf: (item: T) => string): (readonly [T, T])[] {
  const first = new Map<string, T>();
  return items.flatMap((item) => {
    const earlier = first.get(keyOf(item));
    if (earlier === undefined) first.set(keyOf(item), item);
    return earlier === undefined ? [] : [[earlier, item] as const];
  });
}
