import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const CACHE = resolve(process.env['BROKERS_CACHE'] ?? 'node_modules/.cache/nestjs-messaging/brokers');
const BEAT_MS = 3_000;
const STALE_MS = 15_000;

/**
 * A folder that is made once and then kept. It appears finished, by a rename, so nobody sees half of it; of several runs one makes it and
 * the others wait, and a lock whose owner died is taken over.
 */
export async function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE, name);
  const lock = `${folder}.lock`;
  mkdirSync(CACHE, { recursive: true });
  while (!existsSync(folder)) {
    if (!tryLock(lock)) await delay(100);
    else await holding(lock, async () => (existsSync(folder) ? undefined : makeIn(folder, make)));
  }
  return folder;
}

async function makeIn(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  const draft = mkdtempSync(`${folder}.draft-`);
  try {
    await make(draft);
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function tryLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    removeIfStale(lock);
    return false;
  }
}

function removeIfStale(lock: string): void {
  try {
    if (Date.now() - statSync(lock).mtimeMs > STALE_MS) rmdirSync(lock);
  } catch {
    // its owner has just removed it
  }
}

async function holding(lock: string, work: () => Promise<void>): Promise<void> {
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), BEAT_MS);
  try {
    await work();
  } finally {
    clearInterval(beat);
    rmSync(lock, { recursive: true, force: true });
  }
}
