import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { Child } from '../support/child.js';

const execute = promisify(execFile);

/** What a failing program printed is the failure's text. */
const run = async (command: string, args: readonly string[], options: { readonly cwd?: string } = {}) => {
  try {
    await execute(command, args, options);
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error });
  }
};
const kafka = brokerAddress('kafka');
const TOOLS = ['typescript@6.0.3', '@types/node@20.19.43', 'reflect-metadata@0.2.2', 'rxjs@7.8.2'];
const COMMON_JS = 'test/pack/nest11-cjs';

describe('the packed package', () => {
  const folders: string[] = [];
  let tarball: string;

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-messaging-pack-'));
    folders.push(folder);
    await run('npm', ['pack', '--pack-destination', folder]);
    tarball = join(folder, readdirSync(folder).find((file) => file.endsWith('.tgz')) ?? '');
  }, 120_000);

  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** An empty app with the package in it, compiled. */
  const install = async (template: string, packages: readonly string[]): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-messaging-app-'));
    folders.push(folder);
    cpSync(resolve(template), folder, { recursive: true });
    cpSync(resolve('test/pack/main.ts'), join(folder, 'src/main.ts'));
    cpSync(resolve('test/types/topics.ts'), join(folder, 'src/topics.ts'));
    writeFileSync(join(folder, '.npmrc'), 'fund=false\naudit=false\nupdate-notifier=false\n');
    await run('npm', ['install', '--no-package-lock', tarball, ...TOOLS, ...packages], { cwd: folder });
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: folder });
    return folder;
  };

  const start = (folder: string, env: NodeJS.ProcessEnv): Child =>
    Child.run(process.execPath, [join(folder, 'dist/main.js')], env);

  const nest = (version: string) => ['common', 'core', 'microservices'].map((name) => `@nestjs/${name}@${version}`);

  it.each([
    ['test/pack/nest12-esm', '12'],
    [COMMON_JS, '11'],
  ])(
    'runs in an empty app: %s with Nest %s, in memory and on Kafka',
    async (template, version) => {
      const folder = await install(template, nest(version));

      const withoutClient = start(folder, { MESSAGING_BROKER: 'kafka' });
      await withoutClient.line(
        /The package `kafkajs` is missing; a Kafka connection needs it\. Install it: npm i kafkajs/,
      );
      expect(await withoutClient.end()).toBe(1);

      const inMemory = start(folder, { MESSAGING_BROKER: 'memory' });
      expect(await inMemory.line(/^result/)).toBe('result 42 of k, 1 sent');
      inMemory.signal('SIGTERM');
      expect(await inMemory.end()).toBe(0);

      if (kafka === undefined) return;
      await run('npm', ['install', '--no-package-lock', '--no-save', 'kafkajs@2.2.4'], { cwd: folder });
      const onKafka = start(folder, { KAFKA_BOOTSTRAP_SERVERS: kafka });
      expect(await onKafka.line(/^result/)).toMatch(/^result 42 of k/);
      onKafka.signal('SIGTERM');
      expect(await onKafka.end()).toBe(0);
    },
    300_000,
  );

  it('has types that hold under TypeScript 5.9 too', async () => {
    const folder = await install('test/pack/nest12-esm', nest('12'));
    await run('npm', ['install', '--no-package-lock', '--no-save', 'typescript@5.9.3'], { cwd: folder });
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.', '--noEmit'], { cwd: folder });
  }, 300_000);
});
