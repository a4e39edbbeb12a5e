import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

export const run = promisify(execFile);

/** A program that a broker needs is not installed. */
export class MissingProgram extends Error {}

/** A server ended before it was ready: its port may have been taken in the meantime. */
export class EndedEarly extends Error {}

const ATTEMPTS = 3;

/** Starts a server of which nothing stays when it does not come up. */
export async function startWhole<Server extends { stop(patienceMs?: number): Promise<void> }>(
  server: Server,
  start: () => Promise<void>,
): Promise<Server> {
  try {
    await start();
    return server;
  } catch (error) {
    await server.stop(0);
    throw error;
  }
}

/** A port is free until somebody takes it, and a JVM needs seconds: what ended early is started again on other ports, and the reason told. */
export async function startOnFreePorts<Server>(start: () => Promise<Server>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof EndedEarly) || attempt === ATTEMPTS) throw error;
      console.warn(`attempt ${attempt} of ${ATTEMPTS}: ${error.message}`);
    }
  }
}

/** Below the ephemeral range, so that no outgoing connection takes the port in the meantime. */
const [LOWEST_PORT, HIGHEST_PORT] = [20_000, 32_000];

export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if (await canListen(port)) found.add(port);
  }
  return [...found];
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `nestjs-messaging-${name}-`));
}

export interface ServerCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Holds its log; removed when this process ends without stopping it. */
  readonly folder: string;
}

/**
 * A server of our own, in its own process group: Ctrl-C reaches only us, and we stop it. A shell beside it holds a pipe to us: however
 * we die, the pipe closes, and the shell ends the server.
 */
export class ServerProcess {
  private failure: Error | undefined;

  private constructor(
    private readonly spec: ServerCommand,
    private readonly child: ChildProcess,
    private readonly guard: ChildProcess,
  ) {
    child.once('error', (error) => (this.failure = error));
  }

  static start(spec: ServerCommand): ServerProcess {
    const log = openSync(join(spec.folder, `${spec.name}.log`), 'a');
    const child = spawn(spec.command, spec.args, {
      detached: true,
      cwd: spec.folder,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...spec.env },
    });
    closeSync(log);
    child.unref();
    return new ServerProcess(spec, child, guardOf(child, spec.folder));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves when `probe` says yes. @throws EndedEarly with the end of the log; Error when it cannot be started, or is not ready in time. */
  async ready(probe: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    for (const end = Date.now() + timeoutMs; Date.now() < end; await delay(25)) {
      if (this.failure) throw this.failure;
      if (!this.isRunning) throw new EndedEarly(`${this.spec.name} ended (${this.ending}):\n${this.tail()}`);
      if (await probe().catch(() => false)) return;
    }
    throw new Error(`${this.spec.name} is not ready after ${timeoutMs} ms:\n${this.tail()}`);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) process.kill(this.child.pid as number, signal);
  }

  /** SIGTERM, and SIGKILL when that does not end it. */
  async stop(patienceMs = 6_000): Promise<void> {
    this.signal('SIGTERM');
    if (!(await this.ended(patienceMs))) await this.kill();
    this.guard.kill('SIGKILL');
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended(60_000);
    this.guard.kill('SIGKILL');
  }

  private async ended(patienceMs: number): Promise<boolean> {
    for (const end = Date.now() + patienceMs; this.isRunning && Date.now() < end;) await delay(20);
    return !this.isRunning;
  }

  private get ending(): string {
    return this.child.signalCode ?? `exit code ${this.child.exitCode}`;
  }

  private tail(): string {
    return readFileSync(join(this.spec.folder, `${this.spec.name}.log`), 'utf8').slice(-2_000);
  }
}

const GUARD = `
pid=$1; folder=$2
cat >/dev/null
kill -TERM "$pid" 2>/dev/null
i=0; while [ $i -lt 50 ] && kill -0 "$pid" 2>/dev/null; do i=$((i+1)); sleep 0.1; done
kill -KILL "$pid" 2>/dev/null
rm -rf "$folder"
`;

function guardOf(child: ChildProcess, folder: string): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', GUARD, 'broker-guard', String(child.pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return guard;
}

/** Asks over plain TCP, with no client library. */
export function ask(port: number, question: Buffer | string, isAnswer: (answer: Buffer) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(question));
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('data', (answer) => end(isAnswer(answer)));
  });
}

/** Whether a program can be started. */
export async function hasProgram(command: string, ...args: string[]): Promise<boolean> {
  try {
    await run(command, args);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
