import { inject } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { createKafkajsDriver } from '../../lib/driver/kafkajs/kafkajs.driver.js';
import { kafkajsFeatures } from '../../lib/driver/kafkajs/kafkajs.features.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { driverContract } from '../contract/driver.contract.js';
import { TestLog } from '../support/test-log.js';

const { kafka } = inject('brokers');

if ('address' in kafka) {
  const options = resolveOptions(kafkaOptions, {
    path: '',
    input: { bootstrapServers: kafka.address, autoCommitIntervalMs: 100 },
    faults: [],
  });
  driverContract({
    name: 'kafkajs',
    features: kafkajsFeatures,
    async createDriver() {
      const driver = await createKafkajsDriver(options, {
        connection: 'kafka',
        clock: systemClock,
        log: new TestLog(),
        onStatus: () => {},
      });
      await driver.connect();
      return driver;
    },
  });
}
