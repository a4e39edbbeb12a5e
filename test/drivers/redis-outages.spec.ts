import { chaosBrokers } from '../chaos/brokers.js';
import { outageContract } from '../contract/outage.contract.js';
import { brokerAddress } from '../support/brokers/with-broker.js';

if (brokerAddress('redis') !== undefined) outageContract({ name: 'redis', start: chaosBrokers.redis });
