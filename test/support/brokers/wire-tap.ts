import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { KafkaServer } from './kafka.js';
import { WireReader, type ProducedBatch } from './wire-reader.js';

/** Of Kafka's protocol. */
export const API = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  offsetCommit: 8,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  apiVersions: 18,
  saslAuthenticate: 36,
} as const;

/** From these versions on a request's fields have no fixed width. */
const FLEXIBLE_SINCE: Readonly<Record<number, number>> = { 0: 9, 1: 12, 8: 8, 11: 6, 12: 4, 13: 4, 18: 3 };

/** One request, as a client sent it. */
export interface WireRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly api: number;
  readonly version: number;
  readonly clientId: string | null;
  /** Behind the header. */
  readonly body: Buffer;
}

/** Stands between clients and a broker: reads what they ask, keeps answers back, and refuses connections. */
export class WireTap {
  readonly requests: WireRequest[] = [];
  /** When clients knocked, in ms since the epoch. */
  readonly connections: number[] = [];
  /** Whether connections are ended as soon as they are made. */
  refuses = false;
  /** Connections are ended in place of a request of this kind. */
  endsAt: number | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param target the broker's port, asked at each connection */
  static async start(target: () => number): Promise<WireTap> {
    let tap: WireTap | undefined;
    const server = createServer((client) => tap?.join(client, target()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    tap = new WireTap(server, (server.address() as AddressInfo).port);
    return tap;
  }

  /** What a client asked of one kind; of those that name their topic or group, of one that the body mentions. */
  of(api: number, mention: string): WireRequest[] {
    const name = Buffer.from(mention);
    return this.requests.filter((request) => request.api === api && request.body.includes(name));
  }

  /** From now on no answer comes on connections that are there; on those that come later they do. */
  freeze(): void {
    for (const socket of this.sockets) socket.pause();
  }

  release(): void {
    for (const socket of this.sockets) socket.resume();
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await closed;
  }

  private join(client: Socket, port: number): void {
    this.connections.push(Date.now());
    client.on('error', () => {}); // the other end learns of it as a closed connection
    if (this.refuses) return void client.destroy();
    const broker = connect(port, '127.0.0.1');
    broker.on('error', () => client.destroy());
    client.on('close', () => broker.destroy());
    broker.on('close', () => {
      this.sockets.delete(broker);
      client.destroy();
    });
    this.sockets.add(broker);
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (data) => {
      const known = this.requests.length;
      rest = this.record(Buffer.concat([rest, data]));
      if (this.requests.slice(known).some(({ api }) => api === this.endsAt)) return void client.destroy();
      broker.write(data);
    });
    broker.pipe(client);
  }

  private record(data: Buffer): Buffer {
    let rest = data;
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      this.requests.push(toRequest(rest.subarray(4, end)));
      rest = rest.subarray(end);
    }
    return rest;
  }
}

/** A broker of one test file, and a tap for each client library, through which all its connections go. */
export class TappedKafka {
  private constructor(
    private readonly server: KafkaServer,
    private readonly taps: ReadonlyMap<string, WireTap>,
  ) {}

  static async start(names: readonly string[]): Promise<TappedKafka> {
    let server: KafkaServer | undefined;
    const listeners = names.map((name) => ({ name: name.toUpperCase(), protocol: 'PLAINTEXT' }));
    const made = names.map(async (name) => {
      const tap = await WireTap.start(() => server?.ports.get(name.toUpperCase()) ?? 0);
      return [name, tap] as const;
    });
    const taps = new Map(await Promise.all(made));
    const advertised = [...taps].map(([name, { port }]) => `${name.toUpperCase()}://127.0.0.1:${port}`);
    server = await KafkaServer.start({ listeners, advertised });
    return new TappedKafka(server, taps);
  }

  /** Not through any tap. */
  get direct(): string {
    return this.server.bootstrapServers;
  }

  tap(name: string): WireTap {
    return this.taps.get(name) as WireTap;
  }

  address(name: string): string {
    return `127.0.0.1:${this.tap(name).port}`;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.taps.values()].map((tap) => tap.stop()));
    await this.server.stop();
  }
}

export interface ProduceRequest {
  /** -1 for all replicas in sync. */
  readonly acks: number;
  readonly timeoutMs: number;
  readonly batches: readonly ProducedBatch[];
}

export function readProduce({ body, version }: WireRequest): ProduceRequest {
  const reader = new WireReader(body, version >= (FLEXIBLE_SINCE[API.produce] ?? 0));
  reader.string(); // transactional id
  const acks = reader.int16();
  const timeoutMs = reader.int32();
  const topics = reader.array(() => {
    reader.string();
    const partitions = reader.array(() => {
      reader.int32();
      const batch = reader.batch();
      reader.tags();
      return batch;
    });
    reader.tags();
    return partitions;
  });
  return { acks, timeoutMs, batches: topics.flat() };
}

export interface JoinGroupRequest {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly groupInstanceId: string | null;
  readonly assignors: readonly (string | null)[];
}

export function readJoinGroup({ body, version }: WireRequest): JoinGroupRequest {
  const reader = new WireReader(body, version >= (FLEXIBLE_SINCE[API.joinGroup] ?? 0));
  reader.string(); // group
  const sessionTimeoutMs = reader.int32();
  const rebalanceTimeoutMs = reader.int32();
  reader.string(); // member
  const groupInstanceId = version >= 5 ? reader.string() : null;
  reader.string(); // `consumer`
  const assignors = reader.array(() => {
    const name = reader.string();
    reader.bytes();
    reader.tags();
    return name;
  });
  return { sessionTimeoutMs, rebalanceTimeoutMs, groupInstanceId, assignors };
}

function toRequest(frame: Buffer): WireRequest {
  const [api, version] = [frame.readInt16BE(0), frame.readInt16BE(2)];
  const length = frame.readInt16BE(8);
  const end = 10 + Math.max(length, 0);
  const clientId = length < 0 ? null : frame.toString('utf8', 10, end);
  const isFlexible = version >= (FLEXIBLE_SINCE[api] ?? Infinity);
  return { at: Date.now(), api, version, clientId, body: Buffer.from(frame.subarray(isFlexible ? end + 1 : end)) };
}
