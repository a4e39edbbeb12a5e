import {
  AuthenticationError,
  AuthorizationError,
  BrokerError,
  BrokerUnavailableError,
  MessageTooLargeError,
  MessagingError,
  UnknownTopicError,
  type ErrorDetails,
} from '../../core/errors.js';

/** The parts of kafkajs', Node's and the protocol's errors that tell what happened. */
interface ClientError extends Error {
  readonly type?: string;
  readonly code?: string | number;
  readonly retriable?: boolean;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly originalError?: unknown;
}

const NO_ACCESS = new Set(['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE']);
const FORBIDDEN = new Set(['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED']);
const UNKNOWN_TOPIC = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION']);
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** Another producer has the transactional id, or the broker has ended the transaction: nothing more is taken from this one. */
const FENCED = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'UNKNOWN_PRODUCER_ID',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
]);
/** kafkajs wraps what went wrong on the wire in these, with no protocol answer inside. */
const NO_ANSWER =
  /^KafkaJS(Connection|RequestTimeout|BrokerNotFound|NoBrokerAvailable|LockTimeout|MetadataNotLoaded|GroupCoordinatorNotFound)/;
/** kafkajs says that a login failed, too, when the broker went away in the midst of it, and keeps of that no more than the text. */
const LOST_LOGIN =
  /authentication failed: (Closed connection|Not connected|Connection (error|timeout|closed)|Request .* timed out)/;
const TLS = /^(ERR_SSL_|ERR_TLS_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;

/** kafkajs' error as one of ours. It nests the real cause, sometimes several levels deep, so the chain is searched. */
export function toMessagingError(thrown: unknown, details: ErrorDetails): MessagingError {
  const chain = causes(thrown);
  const own = chain.find((error) => error instanceof MessagingError); // thrown inside of kafkajs: by a token provider, a codec
  if (own instanceof MessagingError) return own;
  const outer = chain[0] as ClientError;
  const about = { ...details, cause: outer };
  const typed = (types: ReadonlySet<string>) => chain.find(({ type }) => type !== undefined && types.has(type));
  const text = chain.at(-1)?.message ?? outer.message;

  if (
    chain.some(({ code }) => typeof code === 'string' && TLS.test(code)) ||
    typed(NO_ACCESS) ||
    chain.some(isSaslError)
  )
    return new AuthenticationError(
      `${where(details)} refused the login: ${text}. Correct the credentials or certificates.`,
      about,
    );
  if (typed(FORBIDDEN)) return new AuthorizationError(`${where(details)}: ${text} Grant the permission.`, about);
  if (typed(UNKNOWN_TOPIC) && details.topic !== undefined) return new UnknownTopicError(details.topic, about);
  if (typed(TOO_LARGE))
    return new MessageTooLargeError(
      `${where(details)}: ${text} Send less, or raise the topic's \`max.message.bytes\`.`,
      about,
    );
  if (chain.some(hadNoAnswer) || isStumble(chain.at(-1) ?? outer))
    return new BrokerUnavailableError(`${where(details)} does not answer: ${text}`, about);
  return new BrokerError(`${where(details)}: ${text}`, {
    ...about,
    retryable: chain.some(({ retriable }) => retriable === true) || isOwnState(chain.at(-1) ?? outer),
  });
}

export function isUnknownTopic(thrown: unknown): boolean {
  return causes(thrown).some(({ type }) => type !== undefined && UNKNOWN_TOPIC.has(type));
}

export function isFenced(thrown: unknown): boolean {
  return causes(thrown).some(({ type }) => type !== undefined && FENCED.has(type));
}

/** The protocol's numbers of what happened. */
export function codesOf(thrown: unknown): readonly unknown[] {
  return causes(thrown).map(({ code }) => code);
}

/** The broker is not through with the transaction before. */
export function isStillEnding(thrown: unknown): boolean {
  return causes(thrown).some(({ type }) => type === 'CONCURRENT_TRANSACTIONS');
}

function causes(thrown: unknown): ClientError[] {
  const chain: ClientError[] = [];
  let next: unknown = thrown;
  while (next instanceof Error && !chain.includes(next)) {
    chain.push(next);
    const { cause, errors, originalError }: ClientError = next;
    next = cause ?? originalError ?? errors?.[0];
  }
  return chain.length > 0 ? chain : [new Error(String(thrown))];
}

/** A bare error is kafkajs' own: it was asked in the midst of a change (a broker that came back is not connected yet), or it stumbled; no broker refused anything. */
function isOwnState({ name, code, retriable }: ClientError): boolean {
  return (name === 'Error' || name === 'TypeError') && code === undefined && retriable === undefined;
}

/** What no broker answered is `null` to kafkajs, and read all the same. */
function isStumble({ name, message }: ClientError): boolean {
  return name === 'TypeError' && message.includes('of null (reading');
}

function hadNoAnswer({ name, code, message }: ClientError): boolean {
  return NO_ANSWER.test(name) || code === 'ECONNREFUSED' || LOST_LOGIN.test(message);
}

function isSaslError({ name, message }: ClientError): boolean {
  return name === 'KafkaJSSASLAuthenticationError' && !LOST_LOGIN.test(message);
}

function where({ connection, topic }: ErrorDetails): string {
  return topic === undefined ? `Connection \`${connection}\`` : `Topic \`${topic}\` of connection \`${connection}\``;
}
