/** A bearer token, as an identity provider gives it. */
export interface SaslToken {
  /** Without the word `Bearer`. */
  readonly value: string;
  /** When it ends, in milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Sent beside the token, for brokers that ask for more (KIP-342). */
  readonly extensions?: Readonly<Record<string, string>>;
}

/**
 * Gets a token for a connection with `saslMechanism: 'OAUTHBEARER'`. What it throws is the cause of an `AuthenticationError`.
 *
 * @example
 * ```ts
 * const saslTokenProvider: SaslTokenProvider = async () => {
 *   const answer = await fetch('https://login.example.com/token', { method: 'POST' });
 *   const { access_token: value, expires_in: seconds } = await answer.json();
 *   return { value, expiresAt: Date.now() + seconds * 1_000 };
 * };
 * ```
 */
export type SaslTokenProvider = () => SaslToken | Promise<SaslToken>;
