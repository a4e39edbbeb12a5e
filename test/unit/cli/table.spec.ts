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

  it('puts its last column below each row, where it says so and not all fit', () => {
    const withReason = [...columns, { title: 'reason', value: () => 'r'.repeat(40), isBelow: true }];
    expect(renderTable(rows, withReason, 30, colors).split('\n')).toEqual([
      'name                       lag',
      `${'a'.repeat(24)}…    5`,
      `  ${'r'.repeat(27)}…`,
      `b                            -`,
      `  ${'r'.repeat(27)}…`,
    ]);
    expect(renderTable(rows, withReason, 200, colors).split('\n')).toHaveLength(3);
  });

  it('lets no line break and no escape sequence of the data through, and knows wide characters', () => {
    const hostile = [
      { name: 'a\nb\u001B[2J', lag: 1 },
      { name: '注文注文', lag: 2 },
    ];
    expect(renderTable(hostile, columns, undefined, colors).split('\n')).toEqual([
      'name      lag',
      'a b�[2J     1',
      '注文注文    2',
    ]);
    expect(renderTable(hostile, columns, 13, colors).split('\n')[2]).toBe('注文注文    2');
  });
});
