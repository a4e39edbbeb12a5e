import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { inject } from 'vitest';
import { Child } from '../support/child.js';

/** What the package of a project needs beside itself. */
const PACKAGES = ['@nestjs', 'reflect-metadata', 'rxjs', 'kafkajs', 'ioredis'];

export interface Ended {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user's folder with this package installed, and the commands that are run in it. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'nestjs-messaging-cli-'));
  private readonly children: Child[] = [];

  constructor(private readonly env: NodeJS.ProcessEnv) {
    mkdirSync(join(this.folder, 'node_modules'));
    this.write('package.json', '{ "type": "module" }');
    for (const name of PACKAGES) this.link(name);
    symlinkSync(inject('installedPackage'), join(this.folder, 'node_modules/nestjs-messaging'));
  }

  /** Has a package of ours installed. */
  link(name: string): void {
    symlinkSync(resolve('node_modules', name), join(this.folder, 'node_modules', name));
  }

  write(file: string, text: string): void {
    mkdirSync(join(this.folder, file, '..'), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  /** Compiles the test app into the project, as its build would. */
  buildApp(file = 'dist/app.module.js', from = 'test/cli/app/app.module.ts'): void {
    const source = readFileSync(from, 'utf8');
    const compilerOptions = {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    };
    this.write(file, ts.transpileModule(source, { compilerOptions }).outputText);
  }

  /** `messaging …` until it ends. */
  run(args: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.spawn(process.execPath, [this.bin, ...args], { input, env });
  }

  /** A program of the project. */
  runFile(file: string, args: readonly string[]): Promise<Ended> {
    return this.spawn(process.execPath, [join(this.folder, file), ...args], {});
  }

  /** A line of a shell, whose code is that of its first command. */
  runShell(line: string): Promise<Ended> {
    return this.spawn('bash', ['-c', `${process.execPath} ${line}; exit \${PIPESTATUS[0]}`], {});
  }

  /** A line as a person types it, with all that it prints in the order it came; `messaging` is a file of the project's `bin`. */
  async runLine(line: string): Promise<{ readonly output: string }> {
    const env = { PATH: `${join(this.folder, 'bin')}:${process.env['PATH']}` };
    const { stdout } = await this.spawn('bash', ['-c', `exec 2>&1; ${line}`], { env });
    return { output: stdout };
  }

  private spawn(
    command: string,
    args: readonly string[],
    { input, env = {} }: { readonly input?: string | undefined; readonly env?: NodeJS.ProcessEnv },
  ): Promise<Ended> {
    const child = spawn(command, args, { cwd: this.folder, env: this.environment(env) });
    const out: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (data) => (out[name] += String(data)));
    child.stdin.end(input);
    return new Promise((end) => child.once('close', (code, signal) => end({ code: signal ?? code ?? -1, ...out })));
  }

  /** `messaging …` that goes on until it is ended. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
    const command = `cd ${this.folder} && exec ${process.execPath} ${this.bin} "$@"`;
    const child = Child.run('sh', ['-c', command, 'sh', ...args], this.environment(env));
    this.children.push(child);
    return child;
  }

  /** The file that the package names as its command. */
  get bin(): string {
    const folder = join(this.folder, 'node_modules/nestjs-messaging');
    const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { bin: { messaging: string } };
    return join(folder, bin.messaging);
  }

  async remove(): Promise<void> {
    await Promise.all(this.children.splice(0).map((child) => child.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { ...process.env, NO_COLOR: '1', ...this.env, ...env };
  }
}
