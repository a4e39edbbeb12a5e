import { inject } from 'vitest';
import { streamContract } from '../contract/stream.contract.js';

const { kafka } = inject('brokers');

if ('address' in kafka && 'address' in inject('confluent')) {
  const { address } = kafka;
  streamContract({
    name: 'confluent',
    options: () => ({
      broker: 'kafka',
      kafka: { backend: 'confluent', bootstrapServers: address, autoCommitIntervalMs: 100 },
    }),
  });
}
