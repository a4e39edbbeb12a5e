import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type {} from 'vitest';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder with this package as it is installed. */
    installedPackage: string;
  }
}

const execute = promisify(execFile);
const FOLDER = resolve('node_modules/.cache/nestjs-messaging/cli-test');

/** The package as npm packs and unpacks it, built apart from `dist`, which other suites may be building anew. */
export default async function setup({ provide }: TestProject): Promise<void> {
  const source = `${FOLDER}/source`;
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  cpSync('package.json', `${source}/package.json`);
  await node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', `${source}/dist`);
  await node('tools/cli-help.mjs', `${source}/dist`);
  const { stdout } = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', FOLDER], {
    cwd: source,
  });
  const [packed] = JSON.parse(stdout) as [{ readonly filename: string }];
  await execute('tar', ['-xzf', `${FOLDER}/${packed.filename}`, '-C', FOLDER]);
  provide('installedPackage', `${FOLDER}/package`);
}

function node(...args: readonly string[]): Promise<unknown> {
  return execute(process.execPath, args);
}
