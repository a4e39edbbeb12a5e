import Table from 'cli-table3';
import type { Colors } from './terminal.js';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | null | undefined;
  readonly align?: 'right';
  /** Of the last column: a line of its own under the row, where the terminal is too narrow for all. */
  readonly isBelow?: boolean;
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
/** What terminals draw two columns wide. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uFF01-\uFF60]/gu;

/** Columns without lines. What is too wide for `width` is cut, the widest columns first; unknown is `-`. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number | undefined,
  colors: Colors,
): string {
  const cells = rows.map((row) => columns.map(({ value }) => oneLine(String(value(row) ?? '-'))));
  if (width === undefined) return draw(cells, columns, colors).join('\n');
  const natural = columns.map(({ title }, index) => widest([title, ...cells.map((row) => row[index] ?? '')]));
  const fits = (widths: readonly number[]) => fit(widths, width - GAP * (widths.length - 1));
  if (!columns.at(-1)?.isBelow || sum(natural) + GAP * (natural.length - 1) <= width)
    return draw(cells, columns, colors, fits(natural)).join('\n');
  const [head = '', ...lines] = draw(cells.map(allButLast), allButLast(columns), colors, fits(allButLast(natural)));
  return [head, ...lines.flatMap((line, row) => [line, `  ${cut(cells[row]?.at(-1) ?? '', width - 2)}`])].join('\n');
}

/** A line for the head and one for each row. */
function draw<Row>(
  cells: readonly (readonly string[])[],
  columns: readonly Column<Row>[],
  colors: Colors,
  colWidths?: number[],
): string[] {
  const table = new Table({
    head: columns.map(({ title }) => colors.bold(title)),
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: columns.map(({ align }) => align ?? 'left'),
    ...(colWidths && { colWidths }),
  });
  table.push(...cells.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** Keys and texts of errors are other people's: no line break or escape sequence of theirs reaches the terminal. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\p{Cc}/gu, '�');
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.replace(WIDE, 'xx').length));
}

function allButLast<T>(all: readonly T[]): T[] {
  return all.slice(0, -1);
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
