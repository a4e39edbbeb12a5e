import type { Clock } from '../core/clock.js';
import { memoryFeatures } from '../driver/memory/memory.features.js';
import { MemoryDriver } from '../driver/memory/memory.driver.js';
import type { Features } from '../driver/driver.js';
import { driverFactory, type DriverFactory } from '../driver/driver.factory.js';
import { MemoryBroker } from '../memory-broker/memory-broker.js';
import { memoryOptions } from '../options/memory.options.js';
import { resolveOptions } from '../options/resolve-options.js';
import type { ResolvedConnection } from '../options/connection.options.js';

/** Gives every connection an embedded broker of its own, whatever its kind. */
export class MemoryDrivers implements DriverFactory {
  private readonly brokers = new Map<string, MemoryBroker>();

  constructor(
    private readonly clock: Clock,
    private readonly onBroker: (connection: string, broker: MemoryBroker) => void,
  ) {}

  /** What an option needs is what the real broker has: an app that starts under test starts in production. */
  features(connection: ResolvedConnection): Features {
    const { contiguous, countsDeliveries, countsDeaths, transactions } = driverFactory.features(connection);
    return { ...memoryFeatures, contiguous, countsDeliveries, countsDeaths, transactions };
  }

  readonly create: DriverFactory['create'] = async ({ name, options }, context) => {
    const { deliveryTimeoutMs, maxMessageBytes, autoOffsetReset, maxPollRecords } = options;
    const input = { broker: this.broker(name), deliveryTimeoutMs, maxMessageBytes, autoOffsetReset, maxPollRecords };
    return new MemoryDriver(resolveOptions(memoryOptions, { path: '', input, faults: [] }), context);
  };

  broker(connection: ResolvedConnection['name']): MemoryBroker {
    const known = this.brokers.get(connection);
    if (known) return known;
    const broker = new MemoryBroker({ clock: this.clock });
    this.brokers.set(connection, broker);
    this.onBroker(connection, broker);
    return broker;
  }

  get all(): MemoryBroker[] {
    return [...this.brokers.values()];
  }
}
