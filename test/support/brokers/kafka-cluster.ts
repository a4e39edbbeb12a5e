import { Kafka, logLevel } from 'kafkajs';
import { eventually } from '../eventually.js';
import { KafkaServer, type ClusterNode } from './kafka.js';
import { freePorts, startOnFreePorts, startWhole } from './process.js';

const NODES = 3;
const PROPERTIES = {
  'offsets.topic.replication.factor': '3',
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'transaction.state.log.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
  'share.coordinator.state.topic.replication.factor': '3',
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  // small files: three nodes open and index them all again after each kill
  'log.segment.bytes': '16777216',
};

/** Three nodes, each a broker and a controller; every topic on all of them, two of which must have what is acknowledged. */
export class KafkaCluster {
  private constructor(readonly nodes: readonly KafkaServer[]) {}

  static async start(
    propertiesOf: (node: ClusterNode) => Readonly<Record<string, string>> = () => ({}),
  ): Promise<KafkaCluster> {
    return startOnFreePorts(() => KafkaCluster.boot(propertiesOf));
  }

  private static async boot(
    propertiesOf: (node: ClusterNode) => Readonly<Record<string, string>>,
  ): Promise<KafkaCluster> {
    const ports = await freePorts(2 * NODES);
    const controllerPorts = ports.slice(NODES);
    const starting = controllerPorts.map((controllerPort, index) => {
      const node = { id: index + 1, port: ports[index] ?? 0, controllerPort, controllerPorts };
      return KafkaServer.start({ node, heapMb: 256, properties: { ...PROPERTIES, ...propertiesOf(node) } });
    });
    const results = await Promise.allSettled(starting);
    const nodes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = results.find((result) => result.status === 'rejected');
    const cluster = new KafkaCluster(nodes);
    return startWhole(cluster, () => (failed ? Promise.reject(failed.reason as Error) : cluster.whole()));
  }

  get bootstrapServers(): string {
    return this.nodes.map(({ bootstrapServers }) => bootstrapServers).join(',');
  }

  /** A node by its id. */
  node(id: number): KafkaServer {
    return this.nodes[id - 1] as KafkaServer;
  }

  /** Until every node is there, and every partition of these topics is on all of them. */
  async whole(...topics: readonly string[]): Promise<void> {
    await this.asking(async (admin) => {
      const { brokers } = await admin.describeCluster();
      if (brokers.length < NODES) throw new Error(`${brokers.length} of ${NODES} nodes are there`);
      if (topics.length === 0) return;
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
      for (const { name, partitions } of found)
        for (const { partitionId, isr } of partitions)
          if (isr.length < NODES) throw new Error(`${name}/${partitionId} is on ${isr.length} nodes`);
    });
  }

  /** The node that leads a partition. */
  async leaderOf(topic: string, partition = 0): Promise<number> {
    let leader = 0;
    await this.asking(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      leader = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? 0;
      if (leader < 1) throw new Error(`${topic}/${partition} has no leader`);
    });
    return leader;
  }

  /** SIGKILL: told to stop all at once, the last one would wait for a quorum. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop(0)));
  }

  private async asking(question: (admin: ReturnType<Kafka['admin']>) => Promise<void>): Promise<void> {
    await eventually(async () => {
      const client = new Kafka({
        brokers: this.bootstrapServers.split(','),
        logLevel: logLevel.NOTHING,
        retry: { retries: 0 },
      });
      const admin = client.admin();
      try {
        await admin.connect();
        await question(admin);
      } finally {
        await admin.disconnect();
      }
    }, 60_000);
  }
}
