import { inspect } from 'node:util';
import type { SendResult } from './message.js';

/** What an error is about, as far as it is known. */
export interface ErrorDetails {
  readonly connection?: string | undefined;
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  readonly offset?: string | undefined;
  readonly groupId?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The root of every error of this library. `code` is derived from the class (`UnknownTopicError` → `UNKNOWN_TOPIC`),
 * `retryable` says whether the same call can succeed later, `cause` is the client's own error.
 */
export abstract class MessagingError extends Error {
  readonly code: string;
  readonly retryable: boolean = false;
  /** Met while a message is read: nothing of its partition can be read for now, and it is no fault of the message. */
  readonly pausesPartition: boolean = false;
  readonly connection: string | undefined;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: string | undefined;
  readonly groupId: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = codeOf(new.target.name);
    this.connection = details.connection;
    this.topic = details.topic;
    this.partition = details.partition;
    this.offset = details.offset;
    this.groupId = details.groupId;
  }
}

function codeOf(className: string): string {
  return className
    .replace(/Error$/, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase();
}

/** Options, names or handlers that cannot work: thrown at start, before any connection, with every fault found. */
export class ConfigurationError extends MessagingError {
  /** One sentence each: the value, the rule, the cure. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[], what = 'Messaging cannot start') {
    super(
      faults.length === 1
        ? `${what}: ${faults[0]}`
        : `${what}, ${faults.length} faults:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

/** An optional package that a chosen broker needs is not installed, or not built. */
export class MissingPackageError extends MessagingError {
  constructor(
    readonly packageName: string,
    purpose: string,
    cause?: unknown,
    /** What is wrong with it when it is there, and the cure. */
    cure?: string,
  ) {
    const text =
      cure === undefined
        ? `The package \`${packageName}\` is missing; ${purpose} needs it. Install it: npm i ${packageName}`
        : `The package \`${packageName}\` cannot be used; ${purpose} needs it. ${cure}`;
    super(text, { cause });
  }
}

/** The broker cannot be reached, or it answers that it cannot serve now. */
export class BrokerUnavailableError extends MessagingError {
  override readonly retryable = true;
}

/** The connection is switched off by its options, as with `KAFKA_ENABLED=false`. */
export class BrokerDisabledError extends MessagingError {
  constructor(connection: string) {
    super(`The connection \`${connection}\` is disabled (enabled: false, or KAFKA_ENABLED=false). Enable it to send.`, {
      connection,
    });
  }
}

/** Wrong credentials, an unknown certificate, or a protocol that the broker does not speak. */
export class AuthenticationError extends MessagingError {}

/** What gets the tokens of a login threw, or did not answer. It is asked again. */
export class TokenProviderError extends MessagingError {
  override readonly retryable = true;
}

/** The broker knows who we are and forbids it. */
export class AuthorizationError extends MessagingError {}

/** The broker has no memory left for new messages; it takes them again when there is room. */
export class BrokerFullError extends MessagingError {
  override readonly retryable = true;
}

/** The server is a copy that takes no writes. */
export class ReadOnlyReplicaError extends MessagingError {
  override readonly retryable: boolean;

  constructor(message: string, details: ErrorDetails & { readonly retryable: boolean }) {
    super(message, details);
    this.retryable = details.retryable;
  }
}

/** Something that is no stream has the topic's name. */
export class TopicTypeError extends MessagingError {}

/** The topic does not exist; client auto-creation is off, so that a typing error does not become a topic. */
export class UnknownTopicError extends MessagingError {
  constructor(topic: string, details: ErrorDetails = {}) {
    super(
      `Topic \`${topic}\` does not exist. Create it, declare it with MessagingModule.forFeature([…]), or correct the name.`,
      { ...details, topic },
    );
  }
}

/** The consumer group does not exist: nobody is a member, and no position is kept. */
export class UnknownGroupError extends MessagingError {
  constructor(groupId: string, details: ErrorDetails = {}) {
    super(`Group \`${groupId}\` does not exist. Correct the name; it begins with its first member.`, {
      ...details,
      groupId,
    });
  }
}

/** The group is at work: its positions are its members' to move. */
export class GroupInUseError extends MessagingError {
  override readonly retryable = true;

  constructor(groupId: string, members: number | null, details: ErrorDetails = {}) {
    const who = members === null ? 'may have members that this client cannot see' : `has ${members} members`;
    super(`Group \`${groupId}\` ${who}. Stop them, and try again.`, { ...details, groupId });
  }
}

/** The record asked for a partition that its topic has not. */
export class UnknownPartitionError extends MessagingError {
  constructor(topic: string, partition: number, partitions: number) {
    super(
      `Expected \`partition\` to be an integer from 0 to ${partitions - 1} (topic \`${topic}\` has ${partitions}), got \`${partition}\`. Leave it out to choose by key.`,
      { topic, partition },
    );
  }
}

/** The record is larger than the connection or the topic takes. */
export class MessageTooLargeError extends MessagingError {}

/** How far a record had come when its send was given up. */
export type WriteState = 'written' | 'not-written' | 'unknown';

/** A send did not end within its `deliveryTimeoutMs`. */
export class DeliveryTimeoutError extends MessagingError {
  override readonly retryable = true;

  constructor(
    topic: string,
    timeoutMs: number,
    /** `unknown`: the request was on its way, so sending again may write it twice. */
    readonly state: WriteState,
    cause?: unknown,
  ) {
    super(
      `Message to topic \`${topic}\` was not acknowledged within ${timeoutMs} ms (${state}). See the cause, or raise \`deliveryTimeoutMs\`.`,
      { topic, cause },
    );
  }
}

/** Some records of a `sendBatch` were not written; `results` tells which, by the index of the input. */
export class SendBatchError extends MessagingError {
  constructor(
    topic: string,
    readonly results: readonly SendResult[],
  ) {
    const failed = results.filter((result) => result instanceof MessagingError);
    super(
      `${failed.length} of ${results.length} messages to topic \`${topic}\` were not written: ${failed[0]?.message ?? ''} See \`results\` for each.`,
      { topic, cause: failed[0] },
    );
    this.retryable = failed.every((error) => error.retryable);
  }

  override readonly retryable: boolean;
}

/** The buffer for unsent messages is full; only `sendFireAndForget` meets it, `send` waits instead. */
export class BufferFullError extends MessagingError {
  override readonly retryable = true;
}

/** The connection or the app is closed, or closing. */
export class ClosedError extends MessagingError {}

/** A payload, key or header that cannot be turned into bytes. */
export class SerializationError extends MessagingError {}

/** Bytes that are not what the topic's format says. */
export class DeserializationError extends MessagingError {}

/** The broker has no such ability; its `features` say what it has. */
export class UnsupportedByBrokerError extends MessagingError {}

/** The broker refused for a reason that has no class of its own; `cause` is the client's error. */
export class BrokerError extends MessagingError {
  override readonly retryable: boolean;

  constructor(message: string, details: ErrorDetails & { readonly retryable: boolean }) {
    super(message, details);
    this.retryable = details.retryable;
  }
}

/** A thrown value as an Error; plain values are wrapped, so that nothing is lost of them. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  const text = typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 3, breakLength: Infinity });
  return new Error(`a value was thrown: ${text}`, { cause: thrown });
}
