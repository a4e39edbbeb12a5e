import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** What stands between a client and its server, and can fail as a network does. */
export class Proxy {
  private readonly pairs = new Set<readonly [client: Socket, server: Socket]>();
  /** Nothing passes, and nobody is told: the other side has vanished. */
  private silent = false;
  /** How likely it is that an answer of more than `fromBytes` is lost with its connection. */
  private loss = { rate: 0, fromBytes: 0 };
  lost = 0;
  /** How long each answer is on its way, in ms. */
  private latencyMs = 0;

  private constructor(
    private readonly server: Server,
    private target: number,
  ) {
    server.on('connection', (client) => this.accept(client));
  }

  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(createServer(), target);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  /** New connections go there; the old ones are cut. */
  pointTo(target: number): void {
    this.target = target;
    this.cut();
  }

  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  fallSilent(): void {
    this.silent = true;
  }

  /** Connections from before stay dead. */
  speak(): void {
    this.silent = false;
  }

  lose(rate: number, fromBytes: number): void {
    this.loss = { rate, fromBytes };
  }

  slowDown(latencyMs: number): void {
    this.latencyMs = latencyMs;
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(client: Socket): void {
    if (this.silent) return void client.on('error', () => {});
    const server = connect(this.target, '127.0.0.1');
    const pair = [client, server] as const;
    let isDead = false;
    this.pairs.add(pair);
    const end = () => {
      this.pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    client.on('data', (data) => {
      isDead ||= this.silent;
      if (!isDead) server.write(data);
    });
    server.on('data', (data) => {
      isDead ||= this.silent;
      if (isDead) return;
      if (data.length >= this.loss.fromBytes && Math.random() < this.loss.rate) {
        this.lost++;
        return end();
      }
      if (this.latencyMs > 0) setTimeout(() => client.write(data), this.latencyMs);
      else client.write(data);
    });
  }
}
