import { adminContract } from '../contract/admin.contract.js';
import { openDriver } from '../kafka/support.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';

for (const backend of kafkaBackends())
  adminContract({
    name: backend,
    growsTopics: true,
    configs: { 'cleanup.policy': 'compact', 'min.insync.replicas': '1' },
    createDriver: () => openDriver(backend, brokerAddress('kafka') ?? '', { autoCommitIntervalMs: 100 }),
  });
