import { driverContract } from '../contract/driver.contract.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { openRedisDriver } from './redis/support.js';
import { redisFeatures } from '../../lib/driver/redis/redis.features.js';

const url = brokerAddress('redis');

if (url !== undefined)
  driverContract({
    name: 'redis',
    features: redisFeatures,
    createDriver: async () => (await openRedisDriver({ url, leaseMs: 1_500, claimIdleMs: 3_000 })).driver,
  });
