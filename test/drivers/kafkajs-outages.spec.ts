import { chaosBrokers } from '../chaos/brokers.js';
import { outageContract } from '../contract/outage.contract.js';

outageContract({ name: 'kafkajs', start: chaosBrokers.kafka });
