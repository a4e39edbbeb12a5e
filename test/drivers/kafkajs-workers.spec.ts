import { inject } from 'vitest';
import { kafkajsFeatures } from '../../lib/driver/kafkajs/kafkajs.features.js';
import { exactlyOnceContract } from '../contract/exactly-once.contract.js';
import { workerContract, type WorkerSubject } from '../contract/worker.contract.js';

const { kafka } = inject('brokers');

if ('address' in kafka) {
  const { address } = kafka;
  const subject: WorkerSubject = {
    name: 'kafkajs',
    features: kafkajsFeatures,
    options: () => ({ broker: 'kafka', kafka: { bootstrapServers: address, autoCommitIntervalMs: 100 } }),
  };
  workerContract(subject);
  exactlyOnceContract(subject);
}
