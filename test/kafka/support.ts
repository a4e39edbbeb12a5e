import { spawnSync } from 'node:child_process';
import { systemClock, type Clock } from '../../lib/core/clock.js';
import type { Log } from '../../lib/core/log.js';
import type { Driver, DriverStatus } from '../../lib/driver/driver.js';
import { driverFactory } from '../../lib/driver/driver.factory.js';
import { kafkaOptions, type KafkaOptions } from '../../lib/options/kafka.options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { TestLog } from '../support/test-log.js';

export type Backend = 'kafkajs' | 'confluent';

/** Runs of hours' worth instead of CI's. */
export const isLong = process.env['PROOFS'] === 'long';

export interface DriverSpec extends KafkaOptions {
  readonly clock?: Clock;
  readonly onStatus?: (status: DriverStatus) => void;
}

/** A connected driver. */
export async function openDriver(
  backend: Backend,
  bootstrapServers: string,
  { clock = systemClock, onStatus = () => {}, ...rest }: DriverSpec = {},
): Promise<Driver> {
  const faults: string[] = [];
  const input = { backend, bootstrapServers, ...rest };
  const options = resolveOptions(kafkaOptions, { path: '', input, faults });
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const driver = await driverFactory.create(
    { kind: 'kafka', name: 'kafka', options, explicitClientId: undefined },
    { connection: 'kafka', clock, log: logOf(backend), onStatus },
  );
  await driver.connect();
  return driver;
}

/** Shown only when somebody looks for the cause of a failure. */
function logOf(backend: Backend): Log {
  const show = (level: string) => (text: string) => console.log(`${Date.now()} ${backend} ${level}: ${text}`);
  if (!process.env['DEBUG']) return new TestLog();
  return { debug: show('debug'), log: show('log'), warn: show('warn'), error: show('error') };
}

/** The values of a topic, read by a client that is none of ours. */
export function readAll(bootstrapServers: string, topic: string): string[] {
  const args = ['-b', bootstrapServers, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%s\n'];
  const { stdout, stderr, status } = spawnSync('kcat', args, { encoding: 'utf8', maxBuffer: 1_000_000_000 });
  if (status !== 0) throw new Error(`kcat: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}

/** One line a run, for people and machines. */
export function tell(figures: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(figures));
}
