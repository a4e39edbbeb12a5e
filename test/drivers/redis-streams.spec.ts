import { streamContract } from '../contract/stream.contract.js';
import { brokerAddress } from '../support/brokers/with-broker.js';

const url = brokerAddress('redis');

if (url !== undefined)
  streamContract({
    name: 'redis',
    options: () => ({ broker: 'redis', redis: { url, claimIdleMs: 1_500, leaseMs: 1_500 } }),
  });
