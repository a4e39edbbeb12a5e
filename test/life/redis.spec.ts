import { RedisServer } from '../support/brokers/redis.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { lifeContract, type OwnBroker } from './life.contract.js';

async function startOwn(): Promise<OwnBroker> {
  const server = await RedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always']);
  return Object.assign(server, { address: server.url });
}

lifeContract({ broker: 'redis', address: brokerAddress('redis'), startOwn });
