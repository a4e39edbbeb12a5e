import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.js';
import { classData, classPath, JAVA, JVM_FLAGS, requireJava } from './java.js';
import { ask, freePorts, run, ServerProcess, startOnFreePorts, startWhole, temporaryFolder } from './process.js';

export const KAFKA_VERSION = process.env['KAFKA_VERSION'] ?? '4.4.0';
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qk';

/** A further listener: `SASLPLAINTEXT` with protocol `SASL_PLAINTEXT`. */
export interface KafkaListener {
  readonly name: string;
  readonly protocol: string;
}

export interface KafkaOptions {
  readonly listeners?: readonly KafkaListener[];
  /** Where clients find the further listeners, when that is not where they are: `NAME://host:port`. */
  readonly advertised?: readonly string[];
  /** Beside the settings of a quick test broker. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly heapMb?: number;
  /** Can log in with SCRAM; such users stand in the data, which is formatted with them. */
  readonly scramUser?: ScramUser;
  /** Its place in a cluster. */
  readonly node?: ClusterNode;
}

export interface ScramUser {
  readonly name: string;
  readonly password: string;
}

export interface ClusterNode {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  /** The controller ports of all, in the order of their ids. */
  readonly controllerPorts: readonly number[];
}

/** One Kafka node (KRaft) of our own; it can be killed and started again with its data on its port. */
export class KafkaServer {
  private process: ServerProcess | undefined;

  private constructor(
    readonly port: number,
    /** Ports of the further listeners, by name. */
    readonly ports: ReadonlyMap<string, number>,
    private readonly folder: string,
    private readonly java: readonly string[],
  ) {}

  static async start(options: KafkaOptions = {}): Promise<KafkaServer> {
    await requireJava();
    const path = await classPath(`kafka-${KAFKA_VERSION}`, [
      `org.apache.kafka:kafka_2.13:${KAFKA_VERSION}`,
      'org.slf4j:slf4j-simple:1.7.36',
    ]);
    const formatted = await formattedFolder(path, options);
    const archive = await classData(`kafka-${KAFKA_VERSION}`, (flag) =>
      startOnFreePorts(() => KafkaServer.boot(path, formatted, [flag], {})),
    );
    const boot = () => KafkaServer.boot(path, formatted, archive, options);
    return options.node ? boot() : startOnFreePorts(boot); // a node's ports are its cluster's
  }

  private static async boot(
    path: string,
    formatted: string,
    flags: readonly string[],
    options: KafkaOptions,
  ): Promise<KafkaServer> {
    const { listeners = [], node } = options;
    const found = await freePorts(2 + listeners.length);
    const [port = 0, controllerPort = 0, ...more] = node ? [node.port, node.controllerPort] : found;
    const ports = new Map(listeners.map(({ name }, index) => [name, more[index] ?? 0]));
    const folder = temporaryFolder('kafka');
    const config = join(folder, 'server.properties');
    cpSync(join(formatted, 'data'), join(folder, 'data'), { recursive: true });
    writeFileSync(config, properties(join(folder, 'data'), { port, controllerPort, ports }, options));
    const heap = `-Xmx${options.heapMb ?? 192}m`;
    const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
    const java = [...JVM_FLAGS, heap, ...flags, log, '-cp', path, 'kafka.Kafka', config];
    const server = new KafkaServer(port, ports, folder, java);
    return startWhole(server, () => server.restart());
  }

  get bootstrapServers(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  async restart(): Promise<void> {
    this.process = ServerProcess.start({ name: 'kafka', command: JAVA, args: this.java, folder: this.folder });
    await this.process.ready(() => ask(this.port, API_VERSIONS, isApiVersions));
  }

  async kill(): Promise<void> {
    await this.process?.kill();
  }

  /** SIGTERM, and the end of it: its partitions have other leaders then. The data stays. */
  async shutDown(): Promise<void> {
    await this.process?.stop(30_000);
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.signal(signal);
  }

  async stop(patienceMs?: number): Promise<void> {
    await this.process?.stop(patienceMs);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The broker answers this only once it serves requests; a connection alone is accepted earlier. */
const API_VERSIONS = Buffer.from('0000000a00120000000000' + '01ffff', 'hex');

function isApiVersions(answer: Buffer): boolean {
  return answer.length > 9 && answer.readInt32BE(4) === 1 && answer.readInt16BE(8) === 0;
}

/** Formatting costs a JVM start: it is done once, each node copies the few small files. */
function formattedFolder(path: string, { node, scramUser }: KafkaOptions): Promise<string> {
  const nodeId = node?.id ?? 1;
  const name = `kafka-${KAFKA_VERSION}.formatted${nodeId === 1 ? '' : `-${nodeId}`}${scramUser ? '-scram' : ''}`;
  return cached(name, async (folder) => {
    const config = join(folder, 'server.properties');
    mkdirSync(join(folder, 'data'), { recursive: true });
    writeFileSync(
      config,
      properties(join(folder, 'data'), { port: 9092, controllerPort: 9093, ports: new Map() }, formatting(nodeId)),
    );
    await run(JAVA, [
      ...JVM_FLAGS,
      '-Xmx128m',
      '-cp',
      path,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      CLUSTER_ID,
      '-c',
      config,
      ...(scramUser ? addScram(scramUser) : []),
    ]);
  });
}

function addScram({ name, password }: ScramUser): string[] {
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${name},password=${password}]`,
  ]);
}

function formatting(id: number): KafkaOptions {
  const controllerPorts = Array.from({ length: id }, (_, index) => 9093 + index);
  return { node: { id, port: 9092, controllerPort: 9093, controllerPorts } };
}

interface Ports {
  readonly port: number;
  readonly controllerPort: number;
  /** Of the further listeners, by name. */
  readonly ports: ReadonlyMap<string, number>;
}

function properties(data: string, { port, controllerPort, ports }: Ports, options: KafkaOptions): string {
  const further = [...ports].map(([name, at]) => `,${name}://127.0.0.1:${at}`).join('');
  const protocols = (options.listeners ?? []).map(({ name, protocol }) => `,${name}:${protocol}`).join('');
  const all = {
    'process.roles': 'broker,controller',
    'node.id': String(options.node?.id ?? 1),
    'controller.quorum.voters': (options.node?.controllerPorts ?? [controllerPort])
      .map((at, index) => `${index + 1}@127.0.0.1:${at}`)
      .join(','),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${further}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${options.advertised?.map((one) => `,${one}`).join('') ?? further}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${protocols}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data,
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'log.cleaner.dedupe.buffer.size': '2097152', // the default is 128 MiB of heap
    'log.index.size.max.bytes': '1048576',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '100',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'background.threads': '2',
    ...options.properties,
  };
  return `${Object.entries(all)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}
