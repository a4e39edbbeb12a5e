import type { MessagingOptions } from '../../lib/index.js';
import { KafkaCluster } from '../support/brokers/kafka-cluster.js';
import { KafkaServer } from '../support/brokers/kafka.js';
import { RedisServer } from '../support/brokers/redis.js';
import { CuttableProxy } from './proxy.js';

/** A broker of this run alone, which can be killed, and whose connections can be cut. */
export interface ChaosBroker {
  /** Options of an app whose default connection goes through the proxy. */
  readonly options: MessagingOptions;
  /** Of Kafka, for a reader that is none of ours. */
  readonly address?: string;
  cut(): void;
  /** kill -9, and a new start with the same data; of several nodes the next one. */
  restart(): Promise<void>;
  /** As for an upgrade: each node is told to end, and is back with its copies of these topics before the next one is. */
  roll(topics: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

type Backend = 'kafkajs' | 'confluent';

export const chaosBrokers = {
  kafka: () => oneNode('kafkajs'),
  confluent: () => oneNode('confluent'),
  'kafka-cluster': () => threeNodes('kafkajs'),
  'confluent-cluster': () => threeNodes('confluent'),

  async redis(): Promise<ChaosBroker> {
    const server = await RedisServer.start(['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']);
    const proxy = await CuttableProxy.start(() => server.port);
    const redis = { url: `redis://127.0.0.1:${proxy.port}`, claimIdleMs: 3_000, leaseMs: 3_000, blockMs: 1_000 };
    return {
      options: { broker: 'redis', redis },
      cut: () => proxy.cut(),
      restart: async () => {
        await server.kill();
        await server.restart();
      },
      roll: async () => {
        await server.shutDown();
        await server.restart();
      },
      stop: async () => {
        await server.stop();
        await proxy.stop();
      },
    };
  },
};

async function oneNode(backend: Backend): Promise<ChaosBroker> {
  let server: KafkaServer | undefined;
  const proxy = await CuttableProxy.start(() => server?.port ?? 0);
  server = await KafkaServer.start({ properties: advertised(proxy), heapMb: 384 });
  return {
    options: optionsOf(backend, [proxy]),
    address: addressOf([proxy]),
    cut: () => proxy.cut(),
    restart: async () => {
      await server.kill();
      await server.restart();
    },
    roll: async () => {
      await server.shutDown();
      await server.restart();
    },
    stop: async () => {
      await server.stop();
      await proxy.stop();
    },
  };
}

async function threeNodes(backend: Backend): Promise<ChaosBroker> {
  const ports: number[] = [];
  const proxies = await Promise.all([0, 1, 2].map((index) => CuttableProxy.start(() => ports[index] ?? 0)));
  const cluster = await KafkaCluster.start(({ id, port }) => {
    ports[id - 1] = port;
    return advertised(proxies[id - 1] as CuttableProxy);
  });
  let restarts = 0;
  return {
    options: optionsOf(backend, proxies),
    address: addressOf(proxies),
    cut: () => proxies.forEach((proxy) => proxy.cut()),
    restart: async () => {
      const node = cluster.node((restarts++ % proxies.length) + 1);
      await node.kill();
      await node.restart();
      await cluster.whole();
    },
    roll: async (topics) => {
      for (const node of cluster.nodes) {
        await node.shutDown();
        await node.restart();
        await cluster.whole('__consumer_offsets', ...topics);
      }
    },
    stop: async () => {
      await cluster.stop();
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    },
  };
}

function addressOf(proxies: readonly CuttableProxy[]): string {
  return proxies.map(({ port }) => `127.0.0.1:${port}`).join(',');
}

function advertised(proxy: CuttableProxy): Readonly<Record<string, string>> {
  return { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` };
}

function optionsOf(backend: Backend, proxies: readonly CuttableProxy[]): MessagingOptions {
  const kafka = {
    backend,
    bootstrapServers: addressOf(proxies),
    sessionTimeoutMs: 6_000,
    heartbeatIntervalMs: 1_000,
    autoCommitIntervalMs: 500,
    requestTimeoutMs: 10_000,
  };
  return { broker: 'kafka', kafka };
}
