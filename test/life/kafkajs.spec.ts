import { KafkaServer } from '../support/brokers/kafka.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { lifeContract, type OwnBroker } from './life.contract.js';

async function startOwn(): Promise<OwnBroker> {
  const server = await KafkaServer.start();
  return Object.assign(server, { address: server.bootstrapServers });
}

lifeContract({ broker: 'kafkajs', address: brokerAddress('kafka'), startOwn });
