import type { ResolvedConnection } from '../options/connection.options.js';
import type { Driver, DriverContext, Features } from './driver.js';
import { confluentFeatures } from './confluent/confluent.features.js';
import { kafkajsFeatures } from './kafkajs/kafkajs.features.js';
import { memoryFeatures } from './memory/memory.features.js';
import { redisFeatures } from './redis/redis.features.js';

/** Makes the driver of a connection. */
export interface DriverFactory {
  /** What the connection's broker can do, known before any client is loaded. */
  features(connection: ResolvedConnection): Features;
  /**
   * Loads the client; one that nobody configured is never imported.
   * @throws MissingPackageError with the line that installs it.
   */
  create(connection: ResolvedConnection, context: DriverContext): Promise<Driver>;
}

export const driverFactory: DriverFactory = {
  features(connection) {
    switch (connection.kind) {
      case 'kafka':
        return connection.options.backend === 'confluent' ? confluentFeatures : kafkajsFeatures;
      case 'redis':
        return redisFeatures;
      case 'memory':
        return memoryFeatures;
    }
  },

  async create(connection, context) {
    switch (connection.kind) {
      case 'kafka': {
        if (connection.options.backend === 'confluent') {
          const { createConfluentDriver } = await import('./confluent/confluent.driver.js');
          return createConfluentDriver(connection.options, context);
        }
        const { createKafkajsDriver } = await import('./kafkajs/kafkajs.driver.js');
        return createKafkajsDriver(connection.options, context);
      }
      case 'redis': {
        const { createRedisDriver } = await import('./redis/redis.driver.js');
        return createRedisDriver(connection.options, context);
      }
      case 'memory': {
        const { MemoryDriver } = await import('./memory/memory.driver.js');
        return new MemoryDriver(connection.options, context);
      }
    }
  },
};
