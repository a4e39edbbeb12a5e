import type { Contestant } from './contestant.js';
import type { Round, Sample } from './protocol.js';

/** A job of ours beside the same job of a reference. */
export interface Pair {
  readonly name: string;
  /** The contestant's file and its job. */
  readonly ours: readonly [contestant: string, job: string];
  readonly reference: readonly [contestant: string, job: string];
  readonly messages: number;
  /** Whether the topic has to be full before. */
  readonly reads?: boolean;
  /** The least ratio of our rate to the reference's that is asked for. */
  readonly bar: number;
}

export interface PairResult {
  readonly name: string;
  readonly reference: string;
  readonly size: number;
  readonly rounds: number;
  /** Medians over the rounds; the ratios are taken within each round. */
  readonly rateRatio: number;
  readonly cpuRatio: number;
  readonly bar: number;
  readonly ours: Figures;
  readonly theirs: Figures;
}

export interface Figures {
  readonly perSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly peakMb: number;
}

export interface PairRun {
  readonly rounds: number;
  readonly size: number;
  readonly round: (pair: Pair) => Round;
  readonly contestants: ReadonlyMap<string, Contestant>;
}

/** Both take turns, each first every other round, so that what disturbs the machine disturbs both. The first round warms up. */
export async function runPair(pair: Pair, { rounds, size, round, contestants }: PairRun): Promise<PairResult> {
  const samples: { readonly ours: Sample; readonly theirs: Sample }[] = [];
  const run = async ([file, job]: Pair['ours']) => {
    const contestant = contestants.get(file);
    if (!contestant) throw new Error(`no contestant ${file}`);
    return contestant.run({ ...round(pair), job, size });
  };
  for (let n = 0; n <= rounds; n++) {
    const first = await run(n % 2 === 0 ? pair.ours : pair.reference);
    const second = await run(n % 2 === 0 ? pair.reference : pair.ours);
    if (n > 0) samples.push(n % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first });
  }
  return {
    name: pair.name,
    reference: pair.reference.join(' '),
    size,
    rounds,
    rateRatio: median(samples.map(({ ours, theirs }) => rate(ours) / rate(theirs))),
    cpuRatio: median(samples.map(({ ours, theirs }) => cpu(theirs) / cpu(ours))),
    bar: pair.bar,
    ours: figures(samples.map(({ ours }) => ours)),
    theirs: figures(samples.map(({ theirs }) => theirs)),
  };
}

function figures(samples: readonly Sample[]): Figures {
  return {
    perSecond: Math.round(median(samples.map(rate))),
    cpuMicrosPerMessage: Number(median(samples.map(cpu)).toFixed(2)),
    peakMb: Math.round(Math.max(...samples.map(({ peakRssBytes }) => peakRssBytes)) / 1e6),
  };
}

function rate({ messages, ms }: Sample): number {
  return (messages / ms) * 1_000;
}

function cpu({ messages, cpuMicros }: Sample): number {
  return cpuMicros / messages;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
