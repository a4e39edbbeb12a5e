import { systemClock } from '../../lib/core/clock.js';
import { MemoryDriver } from '../../lib/driver/memory/memory.driver.js';
import { MemoryBroker } from '../../lib/memory-broker/memory-broker.js';
import { memoryOptions } from '../../lib/options/memory.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { adminContract } from '../contract/admin.contract.js';
import { TestLog } from '../support/test-log.js';

const broker = new MemoryBroker();
const options = resolveOptions(memoryOptions, { path: '', input: { broker, autoCreateTopics: false }, faults: [] });

adminContract({
  name: 'memory',
  growsTopics: true,
  createDriver: async () =>
    new MemoryDriver(options, { connection: 'memory', clock: systemClock, log: new TestLog(), onStatus: () => {} }),
});
