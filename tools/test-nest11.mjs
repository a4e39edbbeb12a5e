// Runs the suites that need no broker on Nest 11, and what touches Nest on the oldest versions that we support:
// `npm run test:nest11`. With vitest's arguments, those tests on Nest 11: `npm run test:nest11 -- --project brokers test/life`.
// Only Nest is another; everything else comes from here, so it takes seconds.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PACKAGES = ['common', 'core', 'microservices', 'testing', 'platform-express'];
const { devDependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const others = ['reflect-metadata', 'rxjs', 'class-validator', 'class-transformer'];

const given = process.argv.slice(2);
const touchesNest = ['--project', 'unit', 'test/nest', 'test/unit/worker', 'test/unit/health', 'test/unit/producer'];
testOn('11', given.length > 0 ? given : ['--project', 'unit', '--project', 'life']);
if (given.length === 0) for (const version of oldestVersions()) testOn(version, touchesNest);

/** The lower ends of the peer range, as `^11.1.4 || ^12.0.1`. */
function oldestVersions() {
  return peerDependencies['@nestjs/microservices'].split('||').map((range) => range.trim().replace('^', ''));
}

function testOn(version, args) {
  const folder = resolve(`node_modules/.cache/nestjs-messaging/nest-${version}`);
  install(folder, version);
  const core = JSON.parse(readFileSync(join(folder, 'node_modules/@nestjs/core/package.json'), 'utf8'));
  console.log(`Nest ${core.version}`);
  const env = { ...process.env, TEST_NEST_FOLDER: folder };
  run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], { env });
}

function install(folder, version) {
  const [major] = version.split('.');
  const wanted = [
    ...PACKAGES.map((name) => `@nestjs/${name}@${version}`),
    `@nestjs/terminus@${major}`,
    '@nestjs/mapped-types@2', // that of Nest 11
    ...others.map((name) => `${name}@${devDependencies[name]}`),
  ];
  const note = join(folder, 'wanted.json');
  if (existsSync(note) && readFileSync(note, 'utf8') === JSON.stringify(wanted)) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  // The peers of mapped-types are those of Nest 11; they do not matter here.
  const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--silent', '--legacy-peer-deps'];
  run('npm', ['install', ...flags, ...wanted], { cwd: folder });
  writeFileSync(note, JSON.stringify(wanted));
}

function run(command, args, options) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (status !== 0) process.exit(status ?? 1);
}
