import { inject } from 'vitest';
import { kafkajsFeatures } from '../../lib/driver/kafkajs/kafkajs.features.js';
import { workerContract } from '../contract/worker.contract.js';

const { kafka } = inject('brokers');

if ('address' in kafka) {
  const { address } = kafka;
  workerContract({
    name: 'kafkajs',
    features: kafkajsFeatures,
    options: () => ({ broker: 'kafka', kafka: { bootstrapServers: address, autoCommitIntervalMs: 100 } }),
  });
}
