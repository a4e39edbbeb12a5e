import { redisFeatures } from '../../lib/driver/redis/redis.features.js';
import { workerContract } from '../contract/worker.contract.js';
import { brokerAddress } from '../support/brokers/with-broker.js';

const url = brokerAddress('redis');

if (url !== undefined)
  workerContract({
    name: 'redis',
    features: redisFeatures,
    options: () => ({ broker: 'redis', redis: { url, claimIdleMs: 1_500, leaseMs: 1_500 } }),
  });
