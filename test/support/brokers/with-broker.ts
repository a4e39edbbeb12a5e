import { inject } from 'vitest';
import type { AcquiredBrokers } from './acquire.js';

/** A broker's address; undefined when the run could not get one, and its suites are skipped. */
export function brokerAddress(name: keyof AcquiredBrokers['brokers']): string | undefined {
  const found = inject('brokers')[name];
  return 'address' in found ? found.address : undefined;
}

/** The Kafka clients that can be tested here; none without a broker. */
export function kafkaBackends(): ('kafkajs' | 'confluent')[] {
  if (brokerAddress('kafka') === undefined) return [];
  return 'address' in inject('confluent') ? ['kafkajs', 'confluent'] : ['kafkajs'];
}
