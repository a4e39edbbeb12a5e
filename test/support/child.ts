import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { builtApp, type App } from './apps.js';
import { eventually } from './eventually.js';

/** A program in a process of its own, with its output line by line. It ends with us. */
export class Child {
  readonly lines: string[] = [];
  private readonly exited: Promise<number | NodeJS.Signals>;

  private constructor(private readonly process: ChildProcess) {
    for (const stream of [process.stdout, process.stderr])
      if (stream) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    this.exited = new Promise((resolve) => process.once('close', (code, signal) => resolve(signal ?? code ?? -1)));
  }

  static run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
    return new Child(spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } }));
  }

  /** A program of the tests. */
  static app(app: App, env: NodeJS.ProcessEnv = {}): Child {
    return Child.run(process.execPath, [builtApp(app)], { NO_COLOR: '1', ...env });
  }

  /** A TypeScript file of ours, run as `npm start` runs the sample. */
  static script(file: string, env: NodeJS.ProcessEnv = {}): Child {
    return Child.run(process.execPath, ['node_modules/vite-node/dist/cli.mjs', file], { NO_COLOR: '1', ...env });
  }

  get pid(): number {
    return this.process.pid ?? -1;
  }

  /** The first line that fits, once it is there. */
  line(pattern: RegExp, timeoutMs = 20_000): Promise<string> {
    return eventually(() => {
      const found = this.lines.find((line) => pattern.test(line));
      if (found === undefined) throw new Error(`no line like ${pattern} among:\n${this.lines.join('\n')}`);
      return found;
    }, timeoutMs);
  }

  write(text: string): void {
    this.process.stdin?.end(text);
  }

  /** A line of its input, which stays open. */
  say(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** How it ended: its exit code, or the signal that ended it. */
  end(): Promise<number | NodeJS.Signals> {
    return this.exited;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}
