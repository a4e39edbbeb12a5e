import type { Mechanism } from 'kafkajs';
import { AuthenticationError } from '../../core/errors.js';
import type { SaslToken, SaslTokenProvider } from '../../options/sasl-token.js';

/** What stands before bytes in the protocol: their length. */
const LENGTH_BYTES = 4;

/**
 * The login with a token (RFC 7628). kafkajs' own does not read the broker's answer, which says in bytes, not by a code, that a token is refused,
 * and takes the connection for logged in; what follows is closed without a reason.
 */
export function oauthBearer(provider: SaslTokenProvider, connection: string): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const token = await provider();
        const answer = await saslAuthenticate({
          request: { encode: () => withLength(toRequest(token)) },
          response: { decode: (bytes) => bytes, parse: (bytes) => bytes.subarray(LENGTH_BYTES).toString() },
        });
        if (answer) throw refused(answer, connection);
      },
    }),
  };
}

/** The broker's text says what is wrong with the token, and not the token. */
function refused(answer: string, connection: string): AuthenticationError {
  return new AuthenticationError(`Connection \`${connection}\` refused the token: ${answer}`, {
    connection,
    cause: new Error(`the broker answered ${answer}`),
  });
}

function toRequest({ value, extensions = {} }: SaslToken): Buffer {
  const pairs = Object.entries({ auth: `Bearer ${value}`, ...extensions });
  return Buffer.from(`n,,\u0001${pairs.map(([name, text]) => `${name}=${text}\u0001`).join('')}\u0001`);
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
