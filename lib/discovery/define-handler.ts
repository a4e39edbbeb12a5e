import type { RetryPolicyValues } from '../core/retry-policy.js';
import type { Features } from '../driver/driver.js';
import { checkHandler } from '../options/check-handler.js';
import { unknownConnection, type ResolvedConnection } from '../options/connection.options.js';
import {
  consumerOptions,
  workerOptions,
  type HandlerOverrides,
  type ResolvedHandlerOptions,
} from '../options/handler.options.js';
import type { ResolvedMessagingOptions } from '../options/messaging.options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { retryOptions } from '../options/retry.options.js';
import type { TargetOptions } from '../nest/handler-targets.js';
import type { TargetSource } from '../pipeline/handler-target.js';
import type { HandlerDefinition } from '../worker/handler-definition.js';
import { assembleHandler } from './assemble-handler.js';
import type { HandlerMetadata } from './handler-metadata.js';
import { topicFaults } from './topic-faults.js';

/** A decorated method or class as it was found. */
export interface FoundHandler {
  readonly metadata: HandlerMetadata;
  /** Its name unless `name` is given: the class, or `Class.method`. */
  readonly defaultName: string;
  readonly place: string;
  /** Whether its code takes arrays. */
  readonly hasBatch: boolean;
  /** Parts of each message that this code takes through pipes of their own. */
  readonly pipedParts: readonly string[];
  readonly openTarget: (options: TargetOptions) => TargetSource;
}

export interface DefinitionParts {
  readonly options: ResolvedMessagingOptions;
  readonly features: (connection: ResolvedConnection) => Features;
  readonly faults: string[];
}

/** Decorator options, what a deployment overrides, and the module's defaults as one definition; undefined when it has faults. */
export function defineHandler(found: FoundHandler, parts: DefinitionParts): HandlerDefinition | undefined {
  const { options, faults } = parts;
  const before = faults.length;
  const name = nameOf(found);
  const overrides = options.handlers[name];
  const own = mergedOptions(found, name, overrides, faults);
  const connection = connectionOf(own, name, parts);
  const groupId = own.groupId ?? options.groupId ?? connection?.explicitClientId;
  const retry = retryOf(own, name, faults);
  const isManual = found.metadata.kind === 'consumer' && ackOf(own, connection) === 'manual';
  const given = givenNames(found.metadata.options, overrides);
  const features = connection && parts.features(connection);
  const isUncommittedRead = connection?.kind === 'kafka' && connection.options.isolationLevel === 'read_uncommitted';
  const { hasBatch, pipedParts } = found;
  const facts = {
    name,
    options: own,
    given,
    retry,
    hasBatch,
    pipedParts,
    isManual,
    connection: connection?.name,
    isUncommittedRead,
    features,
  };
  if (groupId === undefined) faults.push(missingGroup(name));
  faults.push(...topicFaults(own, name, features), ...checkHandler(facts));
  if (faults.length > before || !connection || !features || groupId === undefined || own.topic === undefined)
    return undefined;
  return assembleHandler({ found, name, own, topicRef: own.topic, connection, groupId, retry, isManual, features });
}

function nameOf({ metadata, defaultName }: FoundHandler): string {
  const { name } = metadata.options;
  return typeof name === 'string' && name !== '' ? name : defaultName;
}

function mergedOptions(
  { metadata }: FoundHandler,
  name: string,
  overrides: HandlerOverrides | undefined,
  faults: string[],
): ResolvedHandlerOptions {
  const entries = metadata.kind === 'worker' ? workerOptions : consumerOptions;
  const decorated = resolveOptions(entries, { path: `${name}.`, input: metadata.options, faults });
  const replaced = resolveOptions(entries, { path: `handlers.${name}.`, input: overrides, faults });
  const given = Object.entries(overrides ?? {}).filter(([, value]) => value !== undefined);
  const changes = given.map(([option]) => [option, (replaced as Record<string, unknown>)[option]]);
  const merged = { ...decorated, ...Object.fromEntries(changes) } as ResolvedHandlerOptions;
  return { ...ABSENT, ...merged };
}

/** What the other kind of handler has. */
const ABSENT = {
  outputTopic: undefined,
  exactlyOnce: false,
  transactionIntervalMs: workerOptions.transactionIntervalMs.default as number,
  ack: undefined,
  ackTimeoutMs: consumerOptions.ackTimeoutMs.default as number,
};

function givenNames(...sources: readonly (object | undefined)[]): ReadonlySet<string> {
  const entries = sources.flatMap((source) => Object.entries(source ?? {}));
  return new Set(entries.filter(([, value]) => value !== undefined).map(([name]) => name));
}

function connectionOf(
  own: ResolvedHandlerOptions,
  name: string,
  parts: DefinitionParts,
): ResolvedConnection | undefined {
  const { connections, broker } = parts.options;
  const connection = connections.get(own.broker ?? broker);
  if (!connection && own.broker !== undefined)
    parts.faults.push(unknownConnection(`${name}.broker`, own.broker, connections.keys()));
  return connection;
}

/** The policy, or the same options one by one; the longest delay follows from the retry topics where nobody says it. */
function retryOf(
  own: ResolvedHandlerOptions,
  name: string,
  faults: string[],
): RetryPolicyValues & { readonly allowReorder: boolean } {
  const values = own.retry ? resolveOptions(retryOptions, { path: `${name}.retry.`, input: own.retry, faults }) : own;
  const retryTopics = values.retryTopics.toSorted((a, b) => a - b);
  return { ...values, retryTopics, maxDelayMs: values.maxDelayMs ?? retryTopics.at(-1) ?? 30_000 };
}

/** Without auto-commit a consumer acknowledges by itself, unless it says otherwise. */
function ackOf({ ack }: ResolvedHandlerOptions, connection: ResolvedConnection | undefined): 'auto' | 'manual' {
  if (ack !== undefined) return ack;
  return connection?.kind === 'kafka' && !connection.options.enableAutoCommit ? 'manual' : 'auto';
}

function missingGroup(name: string): string {
  return `Handler \`${name}\` has no consumer group. Set \`groupId\` there or in MessagingModule.forRoot, or MESSAGING_GROUP_ID.`;
}
