import { inject } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { createConfluentDriver } from '../../lib/driver/confluent/confluent.driver.js';
import { confluentFeatures } from '../../lib/driver/confluent/confluent.features.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { driverContract } from '../contract/driver.contract.js';
import { TestLog } from '../support/test-log.js';

const { kafka } = inject('brokers');

if ('address' in kafka && 'address' in inject('confluent')) {
  const options = resolveOptions(kafkaOptions, {
    path: '',
    input: { bootstrapServers: kafka.address, autoCommitIntervalMs: 100 },
    faults: [],
  });
  driverContract({
    name: 'confluent',
    features: confluentFeatures,
    async createDriver() {
      const driver = await createConfluentDriver(options, {
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
