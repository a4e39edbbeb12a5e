import { randomBytes } from 'node:crypto';
import { freePorts, run } from './process.js';
import type { BrokerAddresses } from './acquire.js';

/** Whether a Docker engine answers; the client alone is not enough. */
export async function hasDockerEngine(): Promise<boolean> {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}']);
    return true;
  } catch {
    return false;
  }
}

/** The compose file's brokers under a project name and on ports of this run alone. */
export async function startCompose(): Promise<{ readonly addresses: BrokerAddresses; stop(): Promise<void> }> {
  const [kafka = 0, redis = 0, registry = 0] = await freePorts(3);
  const project = `nestjs-messaging-${randomBytes(4).toString('hex')}`;
  const env = { ...process.env, KAFKA_PORT: String(kafka), REDIS_PORT: String(redis), REGISTRY_PORT: String(registry) };
  const compose = (...args: string[]) => run('docker', ['compose', '-p', project, ...args], { env });
  await compose('up', '--detach', '--wait');
  const addresses = {
    kafka: `127.0.0.1:${kafka}`,
    redis: `redis://127.0.0.1:${redis}`,
    registry: `http://127.0.0.1:${registry}/apis/ccompat/v7`,
  };
  return { addresses, stop: async () => void (await compose('down', '--volumes')) };
}
