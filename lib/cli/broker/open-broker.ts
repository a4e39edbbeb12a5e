import { existsSync } from 'node:fs';
import type { Connection } from '../../connection/connection.js';
import { Connections } from '../../connection/connections.js';
import { deadlineIn, systemClock } from '../../core/clock.js';
import { BrokerUnavailableError, ConfigurationError, UnsupportedByBrokerError } from '../../core/errors.js';
import type { Log } from '../../core/log.js';
import type { BrokerAdmin } from '../../driver/broker-admin.js';
import type { Driver } from '../../driver/driver.js';
import { driverFactory } from '../../driver/driver.factory.js';
import type { Formats } from '../../serialization/formats.js';
import { MESSAGING_OPTIONS } from '../../messaging.tokens.js';
import { resolveMessagingOptions, type ResolvedMessagingOptions } from '../../options/messaging.options.js';
import type { CliCall, CliValues } from '../command/command.js';
import type { brokerOptions } from '../command/common-options.js';
import { findApp } from '../app/find-app.js';
import { openApp } from '../app/open-app.js';

const CLOSE_MS = 5_000;

/** A connected broker, for as long as `use` takes. */
export interface Broker {
  /** The connection's name, for texts. */
  readonly name: string;
  readonly driver: Driver;
  /** How values become bytes, and bytes values. */
  readonly formats: Formats;
  /** Tells on stderr what befalls the connection. */
  readonly log: Log;
  /** @throws UnsupportedByBrokerError when it is asked for, and the driver has none. */
  readonly admin: BrokerAdmin;
}

export type BrokerCall = Pick<CliCall, 'place' | 'terminal'> & { readonly options: CliValues<typeof brokerOptions> };

/** A person waits for the answer: one attempt, and then the error. */
export async function withBroker<T>(call: BrokerCall, use: (broker: Broker) => Promise<T>): Promise<T> {
  const options = await optionsOf(call);
  if (options.faults.length > 0) throw new ConfigurationError(options.faults, 'The broker cannot be asked');
  const log = new BrokerLog(call);
  const connections = new Connections(options, { drivers: driverFactory, clock: systemClock, log });
  try {
    const connection = connections.get(connectionNameOf(call, options));
    const driver = await connect(connection);
    log.isOpen = true;
    const { name, formats } = connection;
    return await use({
      name,
      driver,
      formats,
      log,
      get admin() {
        return adminOf(driver, name);
      },
    });
  } finally {
    const deadline = deadlineIn(systemClock, CLOSE_MS);
    await connections.close(deadline);
    deadline.cancel();
  }
}

async function connect(connection: Connection): Promise<Driver> {
  if (!(await connection.firstAttempt())) throw unavailable(connection);
  return connection.open();
}

/** @throws UnsupportedByBrokerError */
function adminOf({ brokerAdmin }: Driver, connection: string): BrokerAdmin {
  if (brokerAdmin) return brokerAdmin;
  throw new UnsupportedByBrokerError(
    `The driver of connection \`${connection}\` cannot be asked for that. Use the broker's own tools.`,
    { connection },
  );
}

function unavailable({ name, status }: Connection): Error {
  if (status.state === 'down') return status.error;
  return new BrokerUnavailableError(`Connection \`${name}\` does not answer.`, { connection: name });
}

/** Flags > environment and `.env` > defaults; or the app's, which are made but not started. */
export async function optionsOf({ place, options }: BrokerCall): Promise<ResolvedMessagingOptions> {
  const { app: file, bootstrapServers, url } = options;
  if (file === undefined)
    return resolveMessagingOptions({
      broker: place || 'kafka',
      kafka: { bootstrapServers },
      // how long messages are kept is the app's affair, which is not known here
      redis: { url, retentionMs: Number.MAX_SAFE_INTEGER },
    });
  const app = await openApp(findApp(process.cwd(), file) as string, ['error']);
  return app.get<ResolvedMessagingOptions>(MESSAGING_OPTIONS);
}

/** Of the kind that the command stands under. */
export function connectionNameOf(
  { place, options }: BrokerCall,
  { connections, broker }: ResolvedMessagingOptions,
): string {
  if (options.connection !== undefined) return options.connection;
  return connections.get(broker)?.kind === place || place === '' ? broker : place;
}

/** A connection that never was is told by the error that ends the command; what befalls it later, by a line. */
class BrokerLog implements Log {
  isOpen = false;

  constructor(private readonly call: BrokerCall) {}

  debug(): void {}

  log(): void {}

  warn(line: string): void {
    if (this.isOpen) this.call.terminal.tell(line);
  }

  error(line: string): void {
    this.warn(line);
  }
}

/** Variables of the project's `.env`; what the environment has stays. */
export function loadEnvFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}
