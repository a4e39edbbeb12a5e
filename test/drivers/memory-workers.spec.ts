import { memoryFeatures } from '../../lib/driver/memory/memory.features.js';
import { MemoryBroker } from '../../lib/index.js';
import { workerContract } from '../contract/worker.contract.js';

workerContract({
  name: 'memory',
  features: memoryFeatures,
  options: () => ({ broker: 'memory', memory: { broker: new MemoryBroker() } }),
});
