import type { Clock } from '../../core/clock.js';
import { AuthenticationError, toError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import type { SaslToken, SaslTokenProvider } from '../../options/sasl-token.js';
import type { DriverContext } from '../driver.js';

/** kafkajs gives a login 10 s in all, and librdkafka's first question for the cluster comes back after five. */
const PROVIDER_MS = 4_000;
/** Both clients log in again before a token ends, kafkajs 10 s before: they must not get the old one then. */
const LAST_MS = 15_000;

export interface SaslTokensParts {
  readonly provider: SaslTokenProvider;
  readonly clock: Clock;
  readonly connection: string;
}

/** The options with a provider that the clients of a connection share. */
export function withSharedToken(
  options: ResolvedKafkaOptions,
  { clock, connection }: Pick<DriverContext, 'clock' | 'connection'>,
): ResolvedKafkaOptions {
  const { saslTokenProvider: provider } = options;
  if (provider === undefined) return options;
  const tokens = new SaslTokens({ provider, clock, connection });
  return { ...options, saslTokenProvider: () => tokens.get() };
}

/** The tokens of a connection. All its clients share one until a quarter of its life is left, or 15 s. */
export class SaslTokens {
  private token: SaslToken | undefined;
  private freshUntil = 0;
  private asking: Promise<SaslToken> | undefined;

  constructor(private readonly parts: SaslTokensParts) {}

  /** @throws AuthenticationError when the provider throws, hangs, or returns no token that is valid now. */
  async get(): Promise<SaslToken> {
    if (this.token && this.parts.clock.now() < this.freshUntil) return this.token;
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async ask(): Promise<SaslToken> {
    const { clock } = this.parts;
    const token = await this.answer();
    const now = clock.now();
    const life = (token?.expiresAt as number) - now;
    if (typeof token?.value !== 'string' || token.value === '' || !Number.isFinite(life))
      throw this.fault('returned no token. Return `{ value, expiresAt }`, the end in ms since the epoch.');
    if (life <= 0)
      throw this.fault(
        `returned a token that ended ${Math.round(-life)} ms ago. Return a fresh one, its end in ms since the epoch.`,
      );
    this.freshUntil = now + life - Math.max(life / 4, LAST_MS);
    return (this.token = token);
  }

  /** What a user's function returns is not what its type says, and what it throws may have the secret in its text. */
  private async answer(): Promise<SaslToken | undefined> {
    const { provider, clock } = this.parts;
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(PROVIDER_MS, () =>
        reject(this.fault(`did not answer within ${PROVIDER_MS} ms. Let it fail earlier, or return a token it keeps.`)),
      );
    });
    try {
      return await Promise.race([Promise.resolve().then(provider), late]);
    } catch (thrown) {
      if (thrown instanceof AuthenticationError) throw thrown;
      const { message } = toError(thrown);
      throw this.fault(`threw: ${message}. Correct it, or the login that it makes.`, thrown);
    } finally {
      cancel();
    }
  }

  private fault(what: string, cause?: unknown): AuthenticationError {
    const { connection } = this.parts;
    return new AuthenticationError(`Connection \`${connection}\`: \`saslTokenProvider\` ${what}`, {
      connection,
      cause,
    });
  }
}
