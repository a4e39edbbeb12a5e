import { execFile } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { builtApp } from '../support/apps.js';
import type { ChildResult, ChildRow } from '../support/avro/child-row.js';
import { HOSTILE, WITHOUT_GUARD } from '../support/avro/hostile.js';
import { SILENT_LOSSES } from '../support/avro/silent-losses.js';

/** Seconds of processor time, however busy the machine is; and of waiting, for what would sleep for ever. */
const CPU_SECONDS = 5;
const PATIENCE_MS = 60_000;
const HEAP_MB = 512;
/** What a row may cost: each is refused long before it has cost anything. */
const CPU_MS = 500;

interface Ended extends Partial<ChildResult> {
  readonly code: number | string | null | undefined;
  readonly signal: NodeJS.Signals | null | undefined;
}

/** The row in a process of its own: with half a gigabyte, and dead after five seconds. */
function child({ id }: ChildRow): Promise<Ended> {
  const script = `ulimit -t ${CPU_SECONDS}; exec "$0" --max-old-space-size=${HEAP_MB} "$1" "$2"`;
  const bounds = { timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const;
  return new Promise((done) => {
    execFile(
      '/bin/sh',
      ['-c', script, process.execPath, builtApp('test/support/avro/child.ts'), id],
      bounds,
      (error, stdout) => {
        const { code = 0, signal = null } = error ?? {};
        done({ code, signal, ...(error ? {} : (JSON.parse(stdout) as ChildResult)) });
      },
    );
  });
}

const titled = (rows: readonly ChildRow[]) => rows.map((row) => [`${row.id} ${row.name}`, row] as const);

describe.concurrent('hostile bytes, in a process with bounds', { timeout: PATIENCE_MS }, () => {
  it.each(titled(HOSTILE))('%s', async (_title, row) => {
    const { code, signal, outcome, text = '', cpuMs = Infinity } = await child(row);
    expect({ code, signal, outcome }).toEqual({ code: 0, signal: null, outcome: row.outcome });
    expect(text).toContain(row.text);
    expect(cpuMs).toBeLessThan(CPU_MS);
  });

  it('still end a process without the guard; when this fails, the guard can go', async () => {
    const { code, signal } = await child(WITHOUT_GUARD);
    expect([code, signal]).not.toEqual([0, null]);
  });
});

describe.concurrent(
  'what avsc would lose without a word is an error that names the path, in a process with bounds',
  () => {
    it.each(titled(SILENT_LOSSES))('%s', async (_title, row) => {
      const { code, signal, outcome, text = '', cpuMs = Infinity } = await child(row);
      expect({ code, signal, outcome }).toEqual({ code: 0, signal: null, outcome: row.outcome });
      expect(text).toContain(row.text);
      expect(cpuMs).toBeLessThan(CPU_MS);
    });
  },
);
