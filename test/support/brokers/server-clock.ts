import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram } from '../programs.js';
import { temporaryFolder } from './process.js';

/** Whether a server can be given a clock of its own here. */
export const canSetClocks = process.platform === 'linux' && hasProgram('cc', 'apt-get install gcc libc6-dev');

/** The wall clock of a server of ours, which jumps when it is told to. */
export class ServerClock {
  private readonly folder = temporaryFolder('clock');
  private readonly file = openSync(join(this.folder, 'ahead-ms'), 'w+');

  constructor() {
    const source = join(import.meta.dirname, 'clock.c');
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', join(this.folder, 'clock.so'), source]);
    this.jumpTo(0);
  }

  /** What the server's process is to be started with. */
  get env(): NodeJS.ProcessEnv {
    return { LD_PRELOAD: join(this.folder, 'clock.so'), CLOCK_FILE: join(this.folder, 'ahead-ms') };
  }

  /** From now on the clock is so many ms ahead of this machine's, or behind it. */
  jumpTo(aheadMs: number): void {
    writeSync(this.file, new BigInt64Array([BigInt(aheadMs)]), 0, 8, 0);
  }

  remove(): void {
    closeSync(this.file);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
