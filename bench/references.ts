import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const FOLDER = resolve('bench/references');
const load = createRequire(join(FOLDER, 'package.json'));

/** A package of `bench/references`, or of the repository; its types are declared by the contestant. */
export function reference<Module>(name: string): Module {
  return load(name) as Module;
}

/** Packages that nothing but the benchmarks needs, by their lock file, without their install scripts. */
export function installReferences(): void {
  if (existsSync(join(FOLDER, 'node_modules'))) return;
  execFileSync('npm', ['ci', '--loglevel=error'], { cwd: FOLDER, stdio: 'inherit' });
}
