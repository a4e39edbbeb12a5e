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
import { resolveMessagingOptions, type ResolvedMessagingOptions } from '../../options/messaging.options.js';
import { didYouMean } from '../../options/suggest.js';
import type { ResolvedConnection } from '../../options/connection.options.js';
import type { CliCall, CliValues, Place } from '../command/command.js';
import type { brokerOptions } from '../command/common-options.js';
import { namedApp } from '../app/find-app.js';
import { lookIntoApp } from '../app/open-app.js';
import { UsageError } from '../exit-code.js';
import type { Terminal } from '../terminal/terminal.js';
import { withNearest } from './nearest.js';

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

export async function withBroker<T>(call: BrokerCall, use: (broker: Broker) => Promise<T>): Promise<T> {
  const options = await optionsOf(call);
  return withConnection(connectionOf(call, options), { options, terminal: call.terminal }, use);
}

export interface ConnectionCall {
  readonly options: ResolvedMessagingOptions;
  readonly terminal: Terminal;
}

/** A person waits for the answer: one attempt, and then the error. */
export async function withConnection<T>(
  { name, kind }: ResolvedConnection,
  { options, terminal }: ConnectionCall,
  use: (broker: Broker) => Promise<T>,
): Promise<T> {
  const log = new BrokerLog(terminal);
  const connections = new Connections(options, { drivers: driverFactory, clock: systemClock, log });
  try {
    const connection = connections.get(name);
    const driver = await connect(connection);
    log.isOpen = true;
    const { formats } = connection;
    const broker: Broker = {
      name,
      driver,
      formats,
      log,
      get admin() {
        return adminOf(driver, name);
      },
    };
    return await use(broker).catch(async (thrown: unknown) => {
      throw await withNearest(thrown, driver, kind);
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

/**
 * Flags > environment and `.env` > defaults; or the app's, which is made but not started.
 *
 * @throws UsageError for a faulty flag, ConfigurationError for what is not of the command line
 */
export async function optionsOf({ place, options, terminal }: BrokerCall): Promise<ResolvedMessagingOptions> {
  const { app, bootstrapServers, url } = options;
  const resolved = app === undefined ? ofFlags(place, options) : (await lookIntoApp(namedApp(app), terminal)).options;
  if (resolved.faults.length === 0) return resolved;
  const fault = new ConfigurationError(resolved.faults, 'The broker cannot be asked');
  throw (bootstrapServers ?? url) === undefined ? fault : new UsageError(fault.message);
}

function ofFlags(place: Place, { bootstrapServers, url }: BrokerCall['options']): ResolvedMessagingOptions {
  return resolveMessagingOptions({
    broker: place || undefined,
    kafka: { bootstrapServers },
    // how long messages are kept is the app's affair, which is not known here
    redis: { url, retentionMs: Number.MAX_SAFE_INTEGER },
  });
}

/** Of the kind that the command stands under. @throws UsageError when there is none of that name and kind */
export function connectionOf(
  { place, options }: Pick<BrokerCall, 'place' | 'options'>,
  { connections, broker }: ResolvedMessagingOptions,
): ResolvedConnection {
  const standard = place === '' || connections.get(broker)?.kind === place ? broker : place;
  const name = options.connection ?? standard;
  const found = connections.get(name);
  const known = [...connections.keys()];
  if (!found)
    throw new UsageError(
      `There is no connection \`${name}\`${didYouMean(name, known) || `; known are ${known.join(', ')}.`} Name the app that has it with --app.`,
    );
  if (place === '' || found.kind === place) return found;
  throw new UsageError(`Connection \`${name}\` is one of ${found.kind}. Use it with: messaging ${found.kind}`);
}

/** A connection that never was is told by the error that ends the command; what befalls it later, by a line. */
class BrokerLog implements Log {
  isOpen = false;

  constructor(private readonly terminal: Terminal) {}

  debug(): void {}

  log(): void {}

  warn(line: string): void {
    if (this.isOpen) this.terminal.tell(line);
  }

  error(line: string): void {
    this.warn(line);
  }
}

/** Variables of the project's `.env`; what the environment has stays. */
export function loadEnvFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}
