import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Availability } from './acquire.js';
import { cached } from './cache.js';
import { hasProgram, MissingProgram, run } from './process.js';

const PACKAGE = '@confluentinc/kafka-javascript';
const VERSION = '1.10.1';
const HEADERS = ['openssl/ssl.h', 'zlib.h', 'zstd.h', 'curl/curl.h', 'sasl/sasl.h', 'lz4.h'];
const HINT =
  'apt-get install g++ make python3 zlib1g-dev libssl-dev libzstd-dev libcurl4-openssl-dev libsasl2-dev liblz4-dev';
const BUILD_TIMEOUT_MS = 900_000;

/** The client, or why it cannot be had; where `CI` is set that is an error. */
export async function acquireConfluent(): Promise<Availability> {
  try {
    return { address: await buildConfluent() };
  } catch (error) {
    if (error instanceof MissingProgram && !process.env['CI']) return { missing: error.message };
    throw error;
  }
}

/**
 * The native client, which no install of ours brings: its own install fetches a binary from outside a registry. It is compiled once from
 * the sources inside its npm package (librdkafka's too), kept in the cache, and linked into `node_modules`.
 *
 * @returns the folder of the package.
 */
async function buildConfluent(): Promise<string> {
  const installed = installedFolder();
  if (installed) return installed;
  await requireCompiler();
  const name = `confluent-${VERSION}-${process.platform}-${process.arch}-${process.versions.modules}`;
  const folder = join(await cached(name, build), 'node_modules', PACKAGE);
  link(folder);
  return folder;
}

/** One that somebody installed here by hand is taken as it is. */
function installedFolder(): string | undefined {
  const folder = resolve('node_modules', PACKAGE);
  if (!existsSync(folder) || lstatSync(folder).isSymbolicLink()) return undefined;
  return folder;
}

async function requireCompiler(): Promise<void> {
  const programs = await Promise.all(['g++', 'make', 'python3'].map((program) => hasProgram(program, '--version')));
  const found = programs[0] ? await Promise.all(HEADERS.map(hasHeader)) : [];
  const missing = HEADERS.filter((_, index) => found[index] === false);
  if (programs.every(Boolean) && missing.length === 0) return;
  throw new MissingProgram(`${PACKAGE} cannot be compiled (missing: ${missing.join(', ') || 'a compiler'}): ${HINT}`);
}

function hasHeader(header: string): Promise<boolean> {
  return run('g++', ['-E', '-include', header, '-x', 'c++', '/dev/null'], { maxBuffer: 100_000_000 }).then(
    () => true,
    () => false,
  );
}

async function build(folder: string): Promise<void> {
  console.log(`${PACKAGE} ${VERSION} is compiled once, which takes two to five minutes.`);
  const manifest = { private: true, dependencies: { [PACKAGE]: VERSION }, allowScripts: { [PACKAGE]: true } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    env: { ...process.env, CKJS_LINKING: 'dynamic', npm_config_build_from_source: 'true', ...headersOfNode() },
    maxBuffer: 1_000_000_000,
    timeout: BUILD_TIMEOUT_MS,
  });
  removeSources(join(folder, 'node_modules', PACKAGE));
}

/** Those that came with Node, so that none are fetched. */
function headersOfNode(): NodeJS.ProcessEnv {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include/node/node.h')) ? { npm_config_nodedir: prefix } : {};
}

/** 280 MB, of which 10 are used. */
function removeSources(folder: string): void {
  rmSync(join(folder, 'deps'), { recursive: true, force: true });
  for (const name of ['Release/obj.target', 'Release/.deps']) {
    rmSync(join(folder, 'build', name), { recursive: true, force: true });
  }
  for (const name of readdirSync(join(folder, 'build/deps')))
    if (name.endsWith('.a')) rmSync(join(folder, 'build/deps', name));
}

function link(folder: string): void {
  const path = resolve('node_modules', PACKAGE);
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path) || realpathSync(path) !== realpathSync(folder)) {
    rmSync(path, { force: true });
    symlinkSync(folder, path, 'dir');
  }
  createRequire(join(process.cwd(), 'package.json'))(PACKAGE); // throws when it does not load here
}
