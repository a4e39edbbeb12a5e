import {
  AuthenticationError,
  AuthorizationError,
  BrokerError,
  BrokerFullError,
  BrokerUnavailableError,
  MessagingError,
  ReadOnlyReplicaError,
  TopicTypeError,
  type ErrorDetails,
} from '../../core/errors.js';

/** The code that the server's answers begin with, as the protocol has it; undefined when no server answered. */
function codeOf(error: Error): string | undefined {
  return error.name === 'ReplyError' || error.name === 'Error' ? /^([A-Z]{2,}) /.exec(error.message)?.[1] : undefined;
}

const LOGIN = new Set(['WRONGPASS', 'NOAUTH']);
/** The server cannot serve now: it loads, runs a long script, has lost its master, or is about to become a replica. */
const BUSY = new Set([
  'LOADING',
  'BUSY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'NOREPLICAS',
  'UNBLOCKED',
  'MISCONF',
]);
const TLS = /^(ERR_SSL_|ERR_TLS_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;
/** ioredis' own errors: what was asked was not answered. */
const NO_ANSWER = /^(MaxRetriesPerRequestError|AbortError|ConnectionClosedError|TimeoutError)$/;

/** The client's error as one of ours. */
export function toMessagingError(thrown: unknown, details: ErrorDetails): MessagingError {
  if (thrown instanceof MessagingError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return fromReply(error, details) ?? fromConnection(error, details);
}

/** Whether the group, or its stream, has vanished. */
export function isGroupMissing(thrown: unknown): boolean {
  return thrown instanceof Error && /^(NOGROUP|UNBLOCKED)/.test(thrown.message);
}

/** A text that a script answers for one message, as an error. */
export function fromScript(text: string, details: ErrorDetails): MessagingError {
  return (
    fromReply(new Error(text), details) ??
    new BrokerError(`${where(details)}: ${text}`, { ...details, retryable: false })
  );
}

function fromReply(error: Error, details: ErrorDetails): MessagingError | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const about = { ...details, cause: error };
  const text = `${where(details)}: ${error.message}.`;
  if (LOGIN.has(code)) return new AuthenticationError(`${text} Correct the user and the password in \`url\`.`, about);
  if (code === 'NOPERM') return new AuthorizationError(`${text} Grant it with ACL SETUSER.`, about);
  if (code === 'READONLY')
    return new ReadOnlyReplicaError(`${text} Connect to the master.`, { ...about, retryable: true });
  if (code === 'OOM') return new BrokerFullError(`${text} Raise \`maxmemory\`, or lower what topics keep.`, about);
  if (code === 'WRONGTYPE') return new TopicTypeError(`${text} Rename the topic, or remove that key.`, about);
  if (BUSY.has(code)) return new BrokerUnavailableError(text, about);
  return new BrokerError(text, { ...about, retryable: false });
}

function fromConnection(error: Error, details: ErrorDetails): MessagingError {
  const about = { ...details, cause: error };
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && TLS.test(code))
    return new AuthenticationError(
      `${where(details)} has a certificate that is not trusted: ${error.message}. Set \`sslCafile\`.`,
      about,
    );
  if (NO_ANSWER.test(error.name) || code !== undefined || /clos|writeable|reset|timeout/i.test(error.message))
    return new BrokerUnavailableError(`${where(details)} does not answer: ${error.message}`, about);
  return new BrokerError(`${where(details)}: ${error.message}`, { ...about, retryable: false });
}

function where({ connection, topic }: ErrorDetails): string {
  return topic === undefined ? `Connection \`${connection}\`` : `Topic \`${topic}\` of connection \`${connection}\``;
}
