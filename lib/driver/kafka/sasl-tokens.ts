import type { Clock } from '../../core/clock.js';
import { AuthenticationError, TokenProviderError, toError } from '../../core/errors.js';
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

  /**
   * @throws TokenProviderError when the provider throws or hangs.
   * @throws AuthenticationError when what it returns is no token, or one that has ended.
   */
  async get(): Promise<SaslToken> {
    if (this.token && this.parts.clock.now() < this.freshUntil) return this.token;
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async ask(): Promise<SaslToken> {
    const token = await this.answer();
    const now = this.parts.clock.now();
    const life = (token?.expiresAt as number) - now;
    if (typeof token?.value !== 'string' || token.value === '' || !Number.isFinite(life))
      throw this.refused('returned no token. Return `{ value, expiresAt }`, the end in ms since the epoch.');
    if (life <= 0)
      throw this.refused(
        `returned a token that ended ${Math.round(-life)} ms ago. Return a fresh one, its end in ms since the epoch.`,
      );
    this.freshUntil = now + life - Math.max(life / 4, LAST_MS);
    return (this.token = token);
  }

  /** What a user's function returns is not what its type says. */
  private async answer(): Promise<SaslToken | undefined> {
    const { provider, clock } = this.parts;
    let cancel = () => {};
    const late = new Promise<undefined>((_, reject) => {
      cancel = clock.after(PROVIDER_MS, () => reject(new Error(`nothing came within ${PROVIDER_MS} ms`)));
    });
    try {
      return await Promise.race([Promise.resolve().then(provider), late]);
    } catch (thrown) {
      const cause = toError(thrown);
      const text = this.text(`failed: ${cause.message}. Look at where it gets its tokens.`);
      throw new TokenProviderError(text, { connection: this.parts.connection, cause });
    } finally {
      cancel();
    }
  }

  private refused(what: string): AuthenticationError {
    return new AuthenticationError(this.text(what), { connection: this.parts.connection });
  }

  private text(what: string): string {
    return `Connection \`${this.parts.connection}\`: \`saslTokenProvider\` ${what}`;
  }
}
