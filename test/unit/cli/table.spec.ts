import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../lib/cli/terminal/table.js';

const colors = picocolors.createColors(false);
const columns = [
  { title: 'name', value: ({ name }: { name: string }) => name },
  { title: 'lag', value: ({ lag }: { lag: number | null }) => lag, align: 'right' as const },
];
const rows = [
  { name: 'a'.repeat(30), lag: 5 },
  { name: 'b', lag: null },
];

describe('a table', () => {
  it('is as wide as its cells where nobody looks, with `-` for what is not known', () => {
    expect(renderTable(rows, columns, undefined, colors).split('\n')).toEqual([
      `name${' '.repeat(28)}lag`,
      `${'a'.repeat(30)}    5`,
      `b${' '.repeat(31)}  -`,
    ]);
  });

  it('cuts the widest column to fit the terminal', () => {
    expect(renderTable(rows, columns, 20, colors).split('\n')).toEqual([
      'name             lag',
      `${'a'.repeat(14)}…    5`,
      `b                  -`,
    ]);
  });

  it('does not cut below what can be read, however narrow the terminal is', () => {
    const [, line = ''] = renderTable(rows, columns, 1, colors).split('\n');
    expect(line).toMatch(/^aaaaa… +5$/);
  });
});
