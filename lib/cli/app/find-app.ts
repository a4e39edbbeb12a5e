import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../exit-code.js';

const NAMES = ['app.module.js', 'src/app.module.js', 'app.module.mjs', 'app.module.cjs'];

interface PackageFile {
  readonly messaging?: { readonly app?: string };
}

interface NestCliFile {
  readonly compilerOptions?: { readonly tsConfigPath?: string };
}

interface TypeScriptFile {
  readonly extends?: string;
  readonly compilerOptions?: { readonly outDir?: string };
}

/** The compiled root module of the project: where it is said to be, else where builds put it; undefined when it is not there. */
export function findApp(folder: string, given: string | undefined): string | undefined {
  if (given !== undefined) return namedApp(given, folder);
  const named = readJson<PackageFile>(join(folder, 'package.json'))?.messaging?.app;
  if (named !== undefined) return existing(resolve(folder, named));
  return candidates(folder).find((file) => existsSync(file));
}

/** @throws UsageError when it does not exist */
export function namedApp(given: string, folder = process.cwd()): string {
  return existing(resolve(folder, given));
}

/** @throws UsageError that says where it was looked for. */
export function requireApp(folder: string, given: string | undefined): string {
  const file = findApp(folder, given);
  if (file !== undefined) return file;
  throw new UsageError(
    `No compiled root module is found: ${candidates(folder).join(', ')} do not exist. Build the app, or name the file with --app or in package.json: "messaging": { "app": "dist/app.module.js" }.`,
  );
}

function existing(file: string): string {
  if (existsSync(file)) return file;
  throw new UsageError(
    `The app's file \`${file}\` does not exist. Build the app, or correct --app (package.json: messaging.app).`,
  );
}

function candidates(folder: string): string[] {
  const nest = readJson<NestCliFile>(join(folder, 'nest-cli.json'));
  const configs = [nest?.compilerOptions?.tsConfigPath, 'tsconfig.build.json', 'tsconfig.json'];
  const outDirs = configs.flatMap((config) => (config === undefined ? [] : (outDirOf(join(folder, config)) ?? [])));
  const folders = [...new Set([...outDirs, join(folder, 'dist')])];
  return folders.flatMap((one) => NAMES.map((name) => join(one, name)));
}

/** A tsconfig may hold comments, which JSON does not: then its `outDir` is not seen. */
function outDirOf(file: string): string | undefined {
  const config = readJson<TypeScriptFile>(file);
  const { outDir } = config?.compilerOptions ?? {};
  if (outDir !== undefined) return resolve(dirname(file), outDir);
  return config?.extends?.startsWith('.') ? outDirOf(resolve(dirname(file), config.extends)) : undefined;
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined; // a file that is not there, or not JSON, says nothing
  }
}
