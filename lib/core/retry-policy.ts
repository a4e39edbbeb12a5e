/** How failures are repeated; resolved, with its defaults. */
export interface RetryPolicyValues {
  /** Attempts after the first. */
  readonly maxRetries: number;
  readonly retryBackoff: 'fixed' | 'linear' | 'exponential';
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  /** 0 is the exact delay, 1 anything between nothing and it. */
  readonly jitter: number;
  readonly retryIf: ((error: Error) => boolean) | undefined;
  readonly nonRetryable: readonly (abstract new (...args: never[]) => Error)[];
  /** Delays that have a topic of their own, in ms, rising; empty: retries wait in place. */
  readonly retryTopics: readonly number[];
  /** Longest delay that waits in place although there are retry topics, in ms. */
  readonly inPlaceRetryMaxMs: number;
}

/** The delay before retry 1, 2, …, in ms. `random` is between 0 and 1. */
export function delayBefore(retry: number, policy: RetryPolicyValues, random: () => number): number {
  const { initialDelayMs, maxDelayMs, jitter } = policy;
  const capped = Math.min(initialDelayMs * growth(retry, policy.retryBackoff), maxDelayMs);
  return jitter === 0 ? capped : Math.round(capped * (1 - jitter * random()));
}

function growth(retry: number, backoff: RetryPolicyValues['retryBackoff']): number {
  switch (backoff) {
    case 'fixed':
      return 1;
    case 'linear':
      return retry;
    case 'exponential':
      return 2 ** retry;
  }
}

/** The longest delay that the policy's own retries come to, without jitter. */
export function longestDelay(policy: RetryPolicyValues): number {
  const last = Math.min(policy.maxRetries, 64);
  return last === 0 ? 0 : delayBefore(last, { ...policy, jitter: 0 }, () => 0);
}
