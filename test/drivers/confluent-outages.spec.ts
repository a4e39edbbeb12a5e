import { inject } from 'vitest';
import { chaosBrokers } from '../chaos/brokers.js';
import { outageContract } from '../contract/outage.contract.js';

if ('address' in inject('confluent')) outageContract({ name: 'confluent', start: chaosBrokers.confluent });
