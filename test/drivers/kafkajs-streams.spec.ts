import { inject } from 'vitest';
import { streamContract } from '../contract/stream.contract.js';

const { kafka } = inject('brokers');

if ('address' in kafka) {
  const { address } = kafka;
  streamContract({
    name: 'kafkajs',
    options: () => ({ broker: 'kafka', kafka: { bootstrapServers: address, autoCommitIntervalMs: 100 } }),
  });
}
