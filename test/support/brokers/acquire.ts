import { hasDockerEngine, startCompose } from './docker.js';
import { KafkaServer } from './kafka.js';
import { MissingProgram } from './process.js';
import { RedisServer } from './redis.js';
import { RegistryServer } from './registry.js';

export interface BrokerAddresses {
  /** `host:port`, with commas. */
  readonly kafka: string;
  readonly redis: string;
  readonly registry: string;
}

/** An address, or why there is none. */
export type Availability = { readonly address: string } | { readonly missing: string };

export interface AcquiredBrokers {
  readonly brokers: Readonly<Record<keyof BrokerAddresses, Availability>>;
  stop(): Promise<void>;
}

const VARIABLES: Readonly<Record<keyof BrokerAddresses, string>> = {
  kafka: 'TEST_KAFKA_BOOTSTRAP_SERVERS',
  redis: 'TEST_REDIS_URL',
  registry: 'TEST_SCHEMA_REGISTRY_URL',
};

const NATIVE: Readonly<
  Record<keyof BrokerAddresses, () => Promise<{ readonly address: string; stop(): Promise<void> }>>
> = {
  async kafka() {
    const server = await KafkaServer.start();
    return { address: server.bootstrapServers, stop: () => server.stop() };
  },
  async redis() {
    const server = await RedisServer.start();
    return { address: server.url, stop: () => server.stop() };
  },
  async registry() {
    const server = await RegistryServer.start();
    return { address: server.url, stop: () => server.stop() };
  },
};

/**
 * Brokers from the environment, else from a Docker engine, else as native processes. One that cannot be had is named with its reason,
 * and is an error where `CI` is set.
 */
export async function acquireBrokers(): Promise<AcquiredBrokers> {
  const names = Object.keys(VARIABLES) as (keyof BrokerAddresses)[];
  const needed = names.filter((name) => !process.env[VARIABLES[name]]);
  if (needed.length > 0 && (await hasDockerEngine())) return withEnvironment(await startCompose());
  const stops: (() => Promise<void>)[] = [];
  const results = await Promise.allSettled(needed.map((name) => startNative(name, stops)));
  const stop = async () => void (await Promise.all(stops.map((one) => one())));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const started = Object.fromEntries(
    needed.map((name, index) => [name, (results[index] as PromiseFulfilledResult<Availability>).value]),
  );
  return { brokers: { ...fromEnvironment(), ...started } as AcquiredBrokers['brokers'], stop };
}

async function startNative(name: keyof BrokerAddresses, stops: (() => Promise<void>)[]): Promise<Availability> {
  try {
    const { address, stop } = await NATIVE[name]();
    stops.push(stop);
    return { address };
  } catch (error) {
    if (error instanceof MissingProgram && !process.env['CI']) return { missing: error.message };
    throw error;
  }
}

function withEnvironment({ addresses, stop }: Awaited<ReturnType<typeof startCompose>>): AcquiredBrokers {
  const found = Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, { address }]));
  return { brokers: { ...found, ...fromEnvironment() } as AcquiredBrokers['brokers'], stop };
}

function fromEnvironment(): Partial<AcquiredBrokers['brokers']> {
  const given = Object.entries(VARIABLES).flatMap(([name, variable]) => {
    const address = process.env[variable];
    return address ? [[name, { address }]] : [];
  });
  return Object.fromEntries(given) as Partial<AcquiredBrokers['brokers']>;
}
