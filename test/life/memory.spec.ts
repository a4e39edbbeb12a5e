import { lifeContract } from './life.contract.js';

lifeContract({ broker: 'memory', address: '' });
