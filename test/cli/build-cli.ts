import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type {} from 'vitest';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder with this package as it is installed: package.json and dist. */
    installedPackage: string;
  }
}

const execute = promisify(execFile);
const FOLDER = resolve('node_modules/.cache/nestjs-messaging/cli-test');

/** The package, built apart from `dist`, which other suites may be building anew. */
export default async function setup({ provide }: TestProject): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  cpSync('package.json', `${FOLDER}/package.json`);
  await execute(process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'tsconfig.build.json',
    '--outDir',
    `${FOLDER}/dist`,
  ]);
  await execute(process.execPath, ['tools/cli-help.mjs', `${FOLDER}/dist`]);
  provide('installedPackage', FOLDER);
}
