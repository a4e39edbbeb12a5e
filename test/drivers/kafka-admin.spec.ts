import type { Driver } from '../../lib/driver/driver.js';
import type { KafkajsBeside } from '../../lib/driver/confluent/kafkajs-beside.js';
import { adminContract } from '../contract/admin.contract.js';
import { openDriver } from '../kafka/support.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';

const KAFKA = { growsTopics: true, configs: { 'cleanup.policy': 'compact', 'min.insync.replicas': '1' } } as const;
const open = (backend: 'kafkajs' | 'confluent') =>
  openDriver(backend, brokerAddress('kafka') ?? '', { autoCommitIntervalMs: 100 });

for (const backend of kafkaBackends()) adminContract({ ...KAFKA, name: backend, createDriver: () => open(backend) });

/** As where kafkajs is not installed. */
async function openWithoutKafkajsGroups(): Promise<Driver> {
  const driver = await open('confluent');
  const { kafkajs } = driver as unknown as { readonly kafkajs: KafkajsBeside };
  const find = kafkajs.find.bind(kafkajs);
  kafkajs.find = async () => {
    const found = await find();
    return found && ({ admin: found.admin } as typeof found);
  };
  return driver;
}

if (kafkaBackends().includes('confluent'))
  adminContract({ ...KAFKA, name: 'confluent, groups by librdkafka', createDriver: openWithoutKafkajsGroups });
