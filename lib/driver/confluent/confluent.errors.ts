import {
  AuthenticationError,
  AuthorizationError,
  BrokerError,
  BrokerUnavailableError,
  MessageTooLargeError,
  MessagingError,
  UnknownTopicError,
  toError,
  type ErrorDetails,
} from '../../core/errors.js';
import type { NativeError } from './confluent.native.js';

/** librdkafka's own codes are negative (rdkafka.h, `rd_kafka_resp_err_t`), the others are the protocol's. */
export const CODE = {
  badCompression: -198,
  fatal: -150,
  purgedInFlight: -151,
  purgedInQueue: -152,
  fenced: -144,
  state: -172,
  maxPollExceeded: -147,
  authentication: -169,
  assign: -175,
  noEntry: -156,
  revoke: -174,
  offsetReset: -140,
  ssl: -181,
  queueFull: -184,
  timedOut: -185,
  allBrokersDown: -187,
  unknownTopic: -188,
  unknownPartition: -190,
  messageTimedOut: -192,
  resolve: -193,
  transport: -195,
  /** librdkafka let go of the broker that it asked: one that it knew by an address only, for instance. */
  brokerDropped: -137,
} as const;

const NO_ACCESS = new Set<number>([CODE.authentication, CODE.ssl, 33, 34, 58]);
const FORBIDDEN = new Set([29, 30, 31, 53]);
const UNKNOWN_TOPIC = new Set<number>([CODE.unknownTopic, 3, 17]);
const TOO_LARGE = new Set([10, 18]);
const FENCED = new Set<number>([CODE.fenced, 47, 48, 49, 59, 90]);
/**
 * Timed out (on the wire, and in its queue), brokers down, host unknown, connection lost, a broker that librdkafka let go of or does not know,
 * and a coordinator that is waited for.
 */
const NO_ANSWER = new Set([-137, -146, -166, -180, -185, -187, -193, -195, -196]);
/**
 * Errors that the same request may not meet again: a batch that was damaged on its way, leaders, coordinators and replicas that move,
 * rebalances, quotas, a topic that went while it was asked about, and what librdkafka says while it is in the midst of something.
 */
const TRANSIENT = new Set([
  2, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 27, 41, 51, 56, 72, 74, 75, 78, 80, 83, 88, 89, 100, -142, -153, -156, -163,
  -164, -167, -172, -177, -178, -182, -183,
]);

const UNREADABLE =
  "A batch of messages cannot be decompressed: librdkafka makes at most 100 MB of zstd. Raise `native['receive.message.max.bytes']` (or `maxDecompressedBytes`, where that is set), or read it with `backend: 'kafkajs'`.";

export function isUnknownTopic({ code }: NativeError): boolean {
  return UNKNOWN_TOPIC.has(code) || code === CODE.unknownPartition;
}

/** Said by a broker of a batch, by librdkafka itself of one record. */
export function isTooLarge({ code }: NativeError): boolean {
  return TOO_LARGE.has(code);
}

const NO_CODE = -1;

/** Makes of one of librdkafka's codes its error, and of an event's text the error that is emitted. */
interface NativeErrorClass {
  create(from: number | Error): NativeError;
}

/**
 * The addon drops the code of an error that comes as an event and hands on `rd_kafka_err2str` of it alone (1.10.1, `event_t`). The class
 * of the error has that text of each code, so the code is looked up there.
 */
export function eventError(error: NativeError): NativeError {
  if (error.code !== NO_CODE) return error;
  const kind = error.constructor as unknown as NativeErrorClass;
  const textOf = (code: number) => kind.create(new Error(kind.create(code).message)).message;
  const code = Object.values(CODE).find((one) => textOf(one) === error.message);
  return code === undefined ? error : Object.assign(error, { code });
}

/** After it the client does nothing any more. */
export function fatalError(message: string): NativeError {
  return Object.assign(new Error(message), { code: CODE.fatal });
}

/** A client that does nothing any more. */
export function isFatal({ code, isFatal: says }: NativeError): boolean {
  return says === true || code === CODE.fatal;
}

/** Another producer has the transactional id, or the broker has ended the transaction. */
export function isFenced({ code }: NativeError): boolean {
  return FENCED.has(code);
}

/** A record that was given up with its transaction. */
export function isPurged({ code }: NativeError): boolean {
  return code === CODE.purgedInFlight || code === CODE.purgedInQueue;
}

/** The brokers will not answer otherwise next time. */
export function isRefusal({ code }: NativeError): boolean {
  return NO_ACCESS.has(code);
}

/** librdkafka's error as one of ours. */
export function toMessagingError(thrown: unknown, details: ErrorDetails): MessagingError {
  if (thrown instanceof MessagingError) return thrown;
  if (thrown instanceof Error && thrown.cause instanceof MessagingError) return thrown.cause; // of a token provider
  const error = toNativeError(thrown);
  const { code, message: text } = error;
  const about = { ...details, cause: error };
  if (NO_ACCESS.has(code))
    return new AuthenticationError(
      `${where(details)} refused the login: ${text}. Correct the credentials or certificates.`,
      about,
    );
  if (FORBIDDEN.has(code)) return new AuthorizationError(`${where(details)}: ${text}. Grant the permission.`, about);
  if (UNKNOWN_TOPIC.has(code) && details.topic !== undefined) return new UnknownTopicError(details.topic, about);
  if (TOO_LARGE.has(code))
    return new MessageTooLargeError(
      `${where(details)}: ${text}. Send less, or raise the topic's \`max.message.bytes\`.`,
      about,
    );
  if (NO_ANSWER.has(code)) return new BrokerUnavailableError(`${where(details)} does not answer: ${text}`, about);
  if (code === CODE.badCompression)
    return new BrokerError(`${where(details)}: ${text}. ${UNREADABLE}`, { ...about, retryable: true });
  const retryable = error.isRetriable === true || TRANSIENT.has(code);
  return new BrokerError(`${where(details)}: ${text}`, { ...about, retryable });
}

/** Inside answers, librdkafka's errors are plain objects. */
function toNativeError(thrown: unknown): NativeError {
  if (thrown instanceof Error || typeof thrown !== 'object' || thrown === null) return toError(thrown) as NativeError;
  const { message = 'unknown error', ...rest } = thrown as Partial<NativeError>;
  return Object.assign(new Error(message), rest) as NativeError;
}

function where({ connection, topic }: ErrorDetails): string {
  return topic === undefined ? `Connection \`${connection}\`` : `Topic \`${topic}\` of connection \`${connection}\``;
}
