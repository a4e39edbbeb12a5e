import { rmSync } from 'node:fs';
import {
  ask,
  freePorts,
  hasProgram,
  MissingProgram,
  ServerProcess,
  startOnFreePorts,
  startWhole,
  temporaryFolder,
} from './process.js';

const REDIS = process.env['REDIS_SERVER'] ?? 'redis-server';

/** A Redis of our own; it can be killed and started again with its data on its port. */
export class RedisServer {
  private process: ServerProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly args: readonly string[],
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** @param args settings beside port, address and folder; without any, nothing is written to disk. */
  static async start(
    args: readonly string[] = ['--save', '', '--appendonly', 'no'],
    env: NodeJS.ProcessEnv = {},
  ): Promise<RedisServer> {
    if (!(await hasProgram(REDIS, '--version')))
      throw new MissingProgram(
        'no redis-server on PATH: apt-get install redis-server | brew install redis, or set REDIS_SERVER or TEST_REDIS_URL',
      );
    return startOnFreePorts(() => RedisServer.boot(args, env));
  }

  private static async boot(args: readonly string[], env: NodeJS.ProcessEnv): Promise<RedisServer> {
    const [port = 0] = await freePorts(1);
    const folder = temporaryFolder('redis');
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    const server = new RedisServer(port, folder, [...place, ...args], env);
    return startWhole(server, () => server.restart());
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** @param more settings for this run only */
  async restart(more: readonly string[] = []): Promise<void> {
    const args = [...this.args, ...more];
    this.process = ServerProcess.start({ name: 'redis', command: REDIS, args, env: this.env, folder: this.folder });
    await this.process.ready(() => ask(this.port, 'PING\r\n', (answer) => answer.toString().startsWith('+PONG')));
  }

  async kill(): Promise<void> {
    await this.process?.kill();
  }

  /** SIGTERM, and the end of it. The data stays. */
  async shutDown(): Promise<void> {
    await this.process?.stop();
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.signal(signal);
  }

  async stop(patienceMs?: number): Promise<void> {
    await this.process?.stop(patienceMs);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
