import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'vite';

/** What tests run in processes of their own. */
const APPS = [
  'test/chaos/member.ts',
  'test/contract/doomed-member.ts',
  'test/drivers/redis/worker.ts',
  'test/e2e/apps/echo.ts',
  'test/e2e/apps/redis-echo.ts',
  'test/e2e/apps/send.ts',
  'test/kafka/apps/killer.ts',
  'test/kafka/apps/login.ts',
  'test/life/app.ts',
  'test/support/avro/child.ts',
] as const;
const VARIABLE = 'TEST_APPS';
/** What they import is looked for from here upwards: beside another Nest they find that. */
const PLACE = resolve(process.env['TEST_NEST_FOLDER'] ?? 'node_modules/.cache/nestjs-messaging');

export type App = (typeof APPS)[number];

/** Compiles them for all starts of this process and those it starts: a start is a quarter of one that compiles. They are gone with it. */
export default async function buildApps(): Promise<void> {
  if (process.env[VARIABLE]) return;
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, 'apps-'));
  const input = Object.fromEntries(APPS.map((app) => [nameOf(app), app]));
  await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { tsconfigPaths: true },
    build: { ssr: true, target: 'node20', outDir: folder, rolldownOptions: { input, external: /\/node_modules\// } },
  });
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  process.env[VARIABLE] = folder;
}

/** @throws Error where none were built */
export function builtApp(app: App): string {
  const folder = process.env[VARIABLE];
  if (!folder) throw new Error('`buildApps` comes first.');
  return join(folder, `${nameOf(app)}.js`);
}

function nameOf(app: App): string {
  return app.slice(0, -'.ts'.length);
}
