import type { Figures, PairResult, Verdict } from './pair.js';

/** What a run found, as it is kept in `bench/baseline.json`. */
export interface Report {
  readonly date: string;
  /** Of Node, the brokers and the clients. */
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  /** What a reader has to know of the run. */
  readonly note: string;
  readonly rounds: number;
  readonly size: number;
  readonly results: readonly PairResult[];
}

const WIDTH = 860;
const ROW = 20;
const LABEL = 470;
const TOP = 48;
/** Ratios from a hundredth to a hundredfold, on a logarithmic axis. */
const [LOWEST, HIGHEST] = [0.1, 100];

/** For the terminal. */
export function lineOf(result: PairResult): string {
  const { driver, name, against, ours, theirs } = result;
  const mark = result.verdicts.length === 0 ? '-  ' : isMet(result) ? 'ok ' : 'LOW';
  const texts = [ratiosOf(result), ...result.verdicts.map(verdictOf)].join(', ');
  return `${mark} ${driver}: ${name} / ${against}: ${texts}; ours ${figuresOf(ours)}, theirs ${figuresOf(theirs)}`;
}

/** What has to be known to read the table. */
export function summaryOf({ date, versions, machine, note, size, results }: Report): string {
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const met = results.filter((result) => result.verdicts.length > 0 && isMet(result)).length;
  const asked = results.filter(({ verdicts }) => verdicts.length > 0).length;
  const remark = note === '' ? '' : ` (${note})`;
  return [
    `Measured ${date} on ${machine}${remark}: medians of ${roundsOf(results)}, ${size} B of JSON. ${met} of ${asked} pairs meet all their bars; a missed one is **bold**.`,
    `${software.join(', ')}.`,
  ].join('\n');
}

/** A baseline may be made in several runs. */
function roundsOf(results: readonly PairResult[]): string {
  const [least, most] = [
    Math.min(...results.map(({ rounds }) => rounds)),
    Math.max(...results.map(({ rounds }) => rounds)),
  ];
  if (least < most) return `${least} to ${most} rounds`;
  return `${most} round${most === 1 ? '' : 's'}`;
}

/** For bench/README.md. */
export function tableOf({ results }: Report): string {
  const rows = results.map((result) => {
    const { name, against, rateRatio, cpuRatio, ours, theirs, verdicts } = result;
    const bars = verdicts.map((one) => `${one.isMet ? '' : '**'}${verdictOf(one)}${one.isMet ? '' : '**'}`).join(', ');
    return `| ${[result.driver, name, against, rateRatio, cpuRatio, bars || '–', figuresOf(ours), figuresOf(theirs)].join(' | ')} |`;
  });
  const head = '| driver | scenario | against | rate | CPU | bars | ours | theirs |';
  return [head, '| --- | --- | --- | ---: | ---: | --- | --- | --- |', ...rows].join('\n');
}

/** The ratios of the rates as bars on a logarithmic axis; a tick on a bar is what is asked for. */
export function plotOf({ date, results }: Report): string {
  const rated = results.filter(({ verdicts }) => verdicts.some(({ measure }) => measure === 'rate'));
  const height = TOP + rated.length * ROW + 24;
  const grid = [0.1, 1, 10, 100].map(
    (ratio) =>
      `<line x1="${place(ratio)}" x2="${place(ratio)}" y1="${TOP - 6}" y2="${height - 20}" stroke="${ratio === 1 ? '#555' : '#ccc'}"/><text x="${place(ratio)}" y="${height - 6}" text-anchor="middle">${ratio} ×</text>`,
  );
  const title = `Our rate over the reference's, ${date}; a black tick is the least that is asked for`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="8" y="20" font-size="13">${escaped(title)}</text>`,
    ...grid,
    ...rated.map(barOf),
    '</svg>',
    '',
  ].join('\n');
}

function barOf(result: PairResult, index: number): string {
  const { driver, name, against, rateRatio, verdicts } = result;
  const y = TOP + index * ROW;
  const asked = verdicts.find(({ measure }) => measure === 'rate')?.bar ?? 1;
  const [from, to] = [Math.min(place(1), place(rateRatio)), Math.max(place(1), place(rateRatio))];
  const label = `${driver}: ${name}${name.includes('against') ? '' : ` / ${against}`}`;
  const color = rateRatio >= asked ? '#2a7f62' : '#c0562f';
  return [
    `<text x="${LABEL - 8}" y="${y + 12}" text-anchor="end">${escaped(label)}</text>`,
    `<rect x="${from}" y="${y + 3}" width="${Math.max(to - from, 1)}" height="${ROW - 8}" fill="${color}"/>`,
    `<line x1="${place(asked)}" x2="${place(asked)}" y1="${y + 1}" y2="${y + ROW - 3}" stroke="#000" stroke-width="2"/>`,
    `<text x="${to + 5}" y="${y + 12}">${rateRatio}</text>`,
  ].join('');
}

function place(ratio: number): number {
  const share = Math.log(Math.min(Math.max(ratio, LOWEST), HIGHEST) / LOWEST) / Math.log(HIGHEST / LOWEST);
  return Math.round(LABEL + share * (WIDTH - LABEL - 48));
}

function isMet({ verdicts }: PairResult): boolean {
  return verdicts.every((verdict) => verdict.isMet);
}

function verdictOf({ measure, value, bar, isMet: met }: Verdict): string {
  return `${measure} ${value} (${bar}${met ? '' : ', missed'})`;
}

function ratiosOf({ rateRatio, cpuRatio }: PairResult): string {
  return `${rateRatio} × the rate at 1/${cpuRatio} of the CPU`;
}

function figuresOf({ perSecond, cpuMicrosPerMessage, peakMb, extra }: Figures): string {
  const measures = Object.entries(extra).map(([name, value]) => `${name} ${value} ms`);
  const memory = peakMb > 0 ? [`${peakMb} MB`] : [];
  return [`${perSecond.toLocaleString('en')}/s`, `${cpuMicrosPerMessage} µs`, ...memory, ...measures].join(' ');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
