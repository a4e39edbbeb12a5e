import { adminContract } from '../contract/admin.contract.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { openRedisDriver } from './redis/support.js';

const url = brokerAddress('redis');

if (url !== undefined)
  adminContract({
    name: 'redis',
    growsTopics: false,
    createDriver: async () => (await openRedisDriver({ url, claimIdleMs: 1_500, leaseMs: 1_500 })).driver,
  });
