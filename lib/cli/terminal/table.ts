import Table from 'cli-table3';
import type { Colors } from './terminal.js';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | null | undefined;
  readonly align?: 'right';
}

/** Between two columns. */
const GAP = 2;
const SHORTEST = 6;
const BARE = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' };
const NO_LINES = {
  ...BARE,
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
};

/** Columns without lines. What is too wide for `width` is cut, the widest columns first; unknown is `-`. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number | undefined,
  colors: Colors,
): string {
  const cells = rows.map((row) => columns.map(({ value }) => String(value(row) ?? '-')));
  const natural = columns.map(({ title }, index) => widest([title, ...cells.map((row) => row[index] ?? '')]));
  const table = new Table({
    head: columns.map(({ title }) => colors.bold(title)),
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: width === undefined ? natural : fit(natural, width - GAP * (columns.length - 1)),
  });
  table.push(...cells);
  const lines = table.toString().split('\n');
  return lines.map((line) => line.trimEnd()).join('\n');
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length));
}

/** Takes from the widest until all fit. */
function fit(widths: readonly number[], total: number): number[] {
  const fitted = [...widths];
  for (let excess = sum(fitted) - total; excess > 0; excess--) {
    const most = Math.max(...fitted);
    if (most <= SHORTEST) break;
    fitted[fitted.indexOf(most)] = most - 1;
  }
  return fitted;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
