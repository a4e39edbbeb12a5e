import { Contestant } from './contestant.js';
import type { Driver, Load, Round, Sample } from './protocol.js';

/** A job of ours beside the same job of a reference. */
export interface Pair {
  readonly name: string;
  readonly driver: Driver;
  /** The contestant's file and its job: `kafkajs singles`. */
  readonly ours: string;
  readonly against: string;
  readonly load: Partial<Load> & Pick<Load, 'messages'>;
  /** Where one of the two differs: fewer messages of a slow reference, options of our worker, the other size of what grows. */
  readonly oursWith?: Partial<Load>;
  readonly againstWith?: Partial<Load>;
  /** `full`: all messages are there before. `new`: an empty one each round. `shared`: one for all rounds. */
  readonly topic: 'full' | 'new' | 'shared';
  readonly bars: Bars;
  /** Only with `--long`. */
  readonly long: boolean;
}

/** What is asked of us. */
export interface Bars {
  /** The least ratio of our rate to the reference's. */
  readonly rate?: number;
  /** The least ratio of the reference's CPU per message to ours: above 1 we take less. */
  readonly cpu?: number;
  /** Most that a measure of ours may lie above the reference's: ms of `p50`, `p99`, `start`, or MB of `peakMb`. */
  readonly above?: Readonly<Record<string, number>>;
  /** The least messages per second, whatever the reference does. */
  readonly perSecond?: number;
  /** The most CPU per message, in µs, whatever the reference does. */
  readonly cpuMicros?: number;
}

export interface Verdict {
  /** `rate`, `cpu`, `p50 above`, … */
  readonly measure: string;
  readonly value: number;
  readonly bar: number;
  readonly isMet: boolean;
}

export interface PairResult {
  readonly driver: Driver;
  readonly name: string;
  readonly against: string;
  readonly size: number;
  readonly rounds: number;
  /** Medians over the rounds; the ratios are taken within each round. */
  readonly rateRatio: number;
  readonly cpuRatio: number;
  readonly ours: Figures;
  readonly theirs: Figures;
  readonly verdicts: readonly Verdict[];
}

/** Medians over the rounds; the peak is that of the whole process. */
export interface Figures {
  readonly perSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly peakMb: number;
  readonly extra: Readonly<Record<string, number>>;
}

export interface PairRun {
  readonly rounds: number;
  readonly size: number;
  /** The round of one side, with its topic ready. */
  readonly round: (pair: Pair, load: Load) => Promise<Omit<Round, 'job'>>;
  /** Where CPU profiles of our side go. */
  readonly profiles?: string | undefined;
}

interface Both {
  readonly ours: Sample;
  readonly theirs: Sample;
}

const KEYS = 1_000;
const LOAD = { keys: KEYS, atOnce: 1, worker: {} };

/** Both take turns, each first every other round, so that what disturbs the machine disturbs both. The first round warms up. */
export async function runPair(pair: Pair, run: PairRun): Promise<PairResult> {
  const started: Contestant[] = [];
  const side = async (name: string, own: Partial<Load> = {}, flags: readonly string[] = []) => {
    const [file = '', job = ''] = name.split(' ');
    const contestant = await Contestant.start(file, flags);
    started.push(contestant);
    const load = { ...LOAD, size: run.size, ...pair.load, ...own };
    return async () => contestant.run({ ...(await run.round(pair, load)), job });
  };
  try {
    const profiling = run.profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', run.profiles];
    const ours = await side(pair.ours, pair.oursWith, profiling);
    const theirs = await side(pair.against, pair.againstWith);
    const samples: Both[] = [];
    for (let n = 0; n <= run.rounds; n++) {
      const both = await inTurn(n % 2 === 0, ours, theirs);
      if (n > 0) samples.push(both);
    }
    return summary(pair, run, samples);
  } finally {
    for (const contestant of started) await contestant.stop();
  }
}

async function inTurn(oursFirst: boolean, ours: () => Promise<Sample>, theirs: () => Promise<Sample>): Promise<Both> {
  if (oursFirst) return { ours: await ours(), theirs: await theirs() };
  const second = await theirs();
  return { ours: await ours(), theirs: second };
}

function summary(pair: Pair, { rounds, size }: PairRun, samples: readonly Both[]): PairResult {
  const { driver, name, against, bars } = pair;
  const result = {
    driver,
    name,
    against,
    size: pair.load.size ?? size,
    rounds,
    rateRatio: rounded(median(samples.map(({ ours, theirs }) => rate(ours) / rate(theirs)))),
    cpuRatio: rounded(median(samples.map(({ ours, theirs }) => cpu(theirs) / cpu(ours)))),
    ours: figures(samples.map(({ ours }) => ours)),
    theirs: figures(samples.map(({ theirs }) => theirs)),
  };
  return { ...result, verdicts: verdictsOf(bars, result) };
}

function verdictsOf(bars: Bars, result: Omit<PairResult, 'verdicts'>): Verdict[] {
  const { ours, theirs, rateRatio, cpuRatio } = result;
  const least = (measure: string, value: number, bar: number | undefined) =>
    bar === undefined ? [] : [{ measure, value, bar, isMet: value >= bar }];
  const most = (measure: string, value: number, bar: number | undefined) =>
    bar === undefined ? [] : [{ measure, value, bar, isMet: value <= bar }];
  return [
    ...least('rate', rateRatio, bars.rate),
    ...least('cpu', cpuRatio, bars.cpu),
    ...least('per second', ours.perSecond, bars.perSecond),
    ...most('cpu µs', ours.cpuMicrosPerMessage, bars.cpuMicros),
    ...Object.entries(bars.above ?? {}).flatMap(([name, bar]) =>
      most(`${name} above`, rounded(measureOf(ours, name) - measureOf(theirs, name)), bar),
    ),
  ];
}

function measureOf({ peakMb, extra }: Figures, name: string): number {
  return name === 'peakMb' ? peakMb : (extra[name] ?? Number.NaN);
}

function figures(samples: readonly Sample[]): Figures {
  const names = Object.keys(samples[0]?.extra ?? {});
  return {
    perSecond: Math.round(median(samples.map(rate))),
    cpuMicrosPerMessage: rounded(median(samples.map(cpu))),
    peakMb: Math.round(Math.max(...samples.map(({ peakRssBytes }) => peakRssBytes)) / 1e6),
    extra: Object.fromEntries(
      names.map((name) => [name, rounded(median(samples.map(({ extra }) => extra?.[name] ?? Number.NaN)))]),
    ),
  };
}

function rate({ messages, ms }: Sample): number {
  return (messages / ms) * 1_000;
}

function cpu({ messages, cpuMicros }: Sample): number {
  return cpuMicros / messages;
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
