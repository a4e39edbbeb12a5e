import { inject } from 'vitest';
import { confluentFeatures } from '../../lib/driver/confluent/confluent.features.js';
import { workerContract } from '../contract/worker.contract.js';

const { kafka } = inject('brokers');

if ('address' in kafka && 'address' in inject('confluent')) {
  const { address } = kafka;
  workerContract({
    name: 'confluent',
    features: confluentFeatures,
    options: () => ({
      broker: 'kafka',
      kafka: { backend: 'confluent', bootstrapServers: address, autoCommitIntervalMs: 100 },
    }),
  });
}
