import { inject } from 'vitest';
import { confluentFeatures } from '../../lib/driver/confluent/confluent.features.js';
import { exactlyOnceContract } from '../contract/exactly-once.contract.js';
import { workerContract, type WorkerSubject } from '../contract/worker.contract.js';

const { kafka } = inject('brokers');

if ('address' in kafka && 'address' in inject('confluent')) {
  const { address } = kafka;
  const subject: WorkerSubject = {
    name: 'confluent',
    features: confluentFeatures,
    options: () => ({
      broker: 'kafka',
      kafka: { backend: 'confluent', bootstrapServers: address, autoCommitIntervalMs: 100 },
    }),
  };
  workerContract(subject);
  exactlyOnceContract(subject);
}
