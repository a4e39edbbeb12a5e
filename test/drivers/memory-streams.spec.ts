import { MemoryBroker } from '../../lib/index.js';
import { streamContract } from '../contract/stream.contract.js';

streamContract({ name: 'memory', options: () => ({ broker: 'memory', memory: { broker: new MemoryBroker() } }) });
