import { memoryFeatures } from '../../lib/driver/memory/memory.features.js';
import { MemoryBroker } from '../../lib/index.js';
import { exactlyOnceContract } from '../contract/exactly-once.contract.js';
import { workerContract, type WorkerSubject } from '../contract/worker.contract.js';

const subject: WorkerSubject = {
  name: 'memory',
  features: memoryFeatures,
  options: () => ({ broker: 'memory', memory: { broker: new MemoryBroker() } }),
};
workerContract(subject);
exactlyOnceContract(subject);
