import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const rows = [...readFileSync('test/traps.md', 'utf8').matchAll(/^\| .+ \| (.+?) +\| `(test\/[^`]+)` *\|$/gm)];

describe('test/traps.md', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(80);
  });

  it.each(rows.map(([, title = '', file = '']) => [file, title] as const))('names a test of %s: %s', (file, title) => {
    expect(readFileSync(file, 'utf8')).toContain(title);
  });
});
