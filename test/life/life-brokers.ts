import type { MessagingOptions } from '../../lib/options/messaging.options.js';

interface Broker {
  /** Its name among the brokers that a test run has; undefined: it is in the process. */
  readonly server: 'kafka' | 'redis' | undefined;
  readonly options: (address: string) => MessagingOptions;
  /** Addresses where nothing answers. */
  readonly nowhere: readonly string[];
}

/** The brokers that each promise of the life cycle is kept on; another one is another line. */
export const LIFE_BROKERS = {
  memory: { server: undefined, options: () => ({ broker: 'memory' }), nowhere: [] },
  kafkajs: {
    server: 'kafka',
    options: (bootstrapServers) => ({
      kafka: { bootstrapServers, autoCommitIntervalMs: 200, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 },
    }),
    nowhere: ['127.0.0.1:1'],
  },
  redis: {
    server: 'redis',
    options: (url) => ({ broker: 'redis', redis: { url, claimIdleMs: 2_000, leaseMs: 2_000 } }),
    nowhere: ['redis://127.0.0.1:1'],
  },
} as const satisfies Readonly<Record<string, Broker>>;

export type LifeBroker = keyof typeof LIFE_BROKERS;
