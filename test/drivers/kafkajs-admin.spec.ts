import { inject } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { createKafkajsDriver } from '../../lib/driver/kafkajs/kafkajs.driver.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { adminContract } from '../contract/admin.contract.js';
import { TestLog } from '../support/test-log.js';

const { kafka } = inject('brokers');

if ('address' in kafka) {
  const options = resolveOptions(kafkaOptions, {
    path: '',
    input: { bootstrapServers: kafka.address, autoCommitIntervalMs: 100 },
    faults: [],
  });
  const context = { connection: 'kafka', clock: systemClock, log: new TestLog(), onStatus: () => {} };
  adminContract({
    name: 'kafkajs',
    growsTopics: true,
    configs: { 'cleanup.policy': 'compact', 'min.insync.replicas': '1' },
    async createDriver() {
      const driver = await createKafkajsDriver(options, context);
      await driver.connect();
      return driver;
    },
  });
}
