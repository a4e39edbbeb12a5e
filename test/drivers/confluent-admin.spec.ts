import { inject } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { createConfluentDriver } from '../../lib/driver/confluent/confluent.driver.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { adminContract } from '../contract/admin.contract.js';
import { TestLog } from '../support/test-log.js';

const { kafka } = inject('brokers');

if ('address' in kafka && 'address' in inject('confluent')) {
  const options = resolveOptions(kafkaOptions, {
    path: '',
    input: { bootstrapServers: kafka.address, autoCommitIntervalMs: 100 },
    faults: [],
  });
  const context = { connection: 'kafka', clock: systemClock, log: new TestLog(), onStatus: () => {} };
  adminContract({
    name: 'confluent',
    growsTopics: true,
    configs: { 'cleanup.policy': 'compact', 'min.insync.replicas': '1' },
    async createDriver() {
      const driver = await createConfluentDriver(options, context);
      await driver.connect();
      return driver;
    },
  });
}
