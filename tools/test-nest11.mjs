// Runs the suites that need no broker on the other Nest that we support: `npm run test:nest11 [-- <vitest arguments>]`.
// Only Nest is another; everything else comes from here, so it takes seconds.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const VERSION = '11';
const PACKAGES = ['common', 'core', 'microservices', 'testing', 'platform-express', 'terminus'];
const folder = resolve('node_modules/.cache/nestjs-messaging/nest11');
const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const others = ['reflect-metadata', 'rxjs', 'class-validator', 'class-transformer'];
const wanted = [
  ...PACKAGES.map((name) => `@nestjs/${name}@${VERSION}`),
  '@nestjs/mapped-types@2', // that of Nest 11
  ...others.map((name) => `${name}@${devDependencies[name]}`),
];
const manifest = join(folder, 'package.json');

const run = (command, args, options) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (status !== 0) process.exit(status ?? 1);
};

const note = join(folder, 'wanted.json');
if (!existsSync(note) || readFileSync(note, 'utf8') !== JSON.stringify(wanted)) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifest, '{ "private": true }');
  run('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', '--silent', ...wanted], { cwd: folder });
  writeFileSync(note, JSON.stringify(wanted));
}
const { version } = JSON.parse(readFileSync(join(folder, 'node_modules/@nestjs/core/package.json'), 'utf8'));
console.log(`Nest ${version}`);
const args = process.argv.length > 2 ? process.argv.slice(2) : ['--project', 'unit', '--project', 'life'];
run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
  env: { ...process.env, TEST_NEST_FOLDER: folder },
});
