import { systemClock } from '../../../lib/core/clock.js';
import type { Driver, DriverStatus } from '../../../lib/driver/driver.js';
import { createRedisDriver } from '../../../lib/driver/redis/redis.driver.js';
import { redisOptions, type RedisOptions } from '../../../lib/options/redis.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { TestLog } from '../../support/test-log.js';

export interface OpenedDriver {
  readonly driver: Driver;
  readonly log: TestLog;
  readonly statuses: DriverStatus[];
}

/** A driver that is not connected yet. */
export async function createDriver(input: RedisOptions): Promise<OpenedDriver> {
  const faults: string[] = [];
  const options = resolveOptions(redisOptions, { path: '', input, faults });
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const log = new TestLog();
  const statuses: DriverStatus[] = [];
  const onStatus = (status: DriverStatus) => void statuses.push(status);
  const driver = await createRedisDriver(options, { connection: 'redis', clock: systemClock, log, onStatus });
  return { driver, log, statuses };
}

/** A driver, connected. */
export async function openRedisDriver(input: RedisOptions): Promise<OpenedDriver> {
  const opened = await createDriver(input);
  await opened.driver.connect();
  return opened;
}
