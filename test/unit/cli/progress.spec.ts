import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Progress } from '../../../lib/cli/terminal/progress.js';
import { Terminal } from '../../../lib/cli/terminal/terminal.js';

/** What is written to a terminal of this width. */
function stderrOf(columns: number | undefined): { readonly terminal: Terminal; readonly written: () => string[] } {
  const stream = () => Object.assign(new PassThrough(), { isTTY: true, columns }) as unknown as NodeJS.WriteStream;
  const stderr = stream();
  const terminal = new Terminal({ stdin: process.stdin, stdout: stream(), stderr, env: {} });
  return { terminal, written: () => String((stderr as unknown as PassThrough).read() ?? '').split('\r\u001B[K') };
}

describe('progress', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => vi.useRealTimers());

  it.each([
    [120, 24],
    [58, 23],
    [40, 5],
    [undefined, 5],
    [20, 0],
  ])('in a terminal of %s columns has a bar of %i, and never wraps', (columns, bar) => {
    const { terminal, written } = stderrOf(columns);
    const progress = new Progress(terminal, 'sent', 100);
    vi.setSystemTime(Date.now() + 1_000);
    progress.add(5_000, 50);
    const [, line = ''] = written();
    expect('50 %  5000 sent, 5000/s, 1 s left').toContain(line.replace(/^[█░]+ /, ''));
    expect(line.length).toBeLessThan(columns ?? 40);
    expect(line.match(/[█░]/g) ?? []).toHaveLength(bar);
  });

  it('is one line, which the next replaces and the end takes away', () => {
    const { terminal, written } = stderrOf(80);
    const progress = new Progress(terminal, 'sent', 100);
    progress.add(5, 50);
    terminal.tell('told');
    progress.end();
    expect(written()).toEqual(['', expect.stringMatching(/^█{12}░{12} 50 % {2}5 sent, \d+\/s, 1 s left$/), 'told\n']);
  });

  it('of an unknown total tells only its rate', () => {
    const { terminal, written } = stderrOf(80);
    new Progress(terminal, 'sent', undefined).add(5, 50);
    expect(written()[1]).toMatch(/^5 sent, \d+\/s$/);
  });
});
