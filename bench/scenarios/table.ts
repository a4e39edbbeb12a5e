import type { Bars, Pair } from '../pair.js';
import type { Driver, Load } from '../protocol.js';

type PairLoad = Pair['load'];

/** A job of ours and that of a reference, as `singles / kafkajs singles`. */
type Sides = `${string} / ${string} ${string}`;

export type Row = readonly [
  name: string,
  sides: Sides,
  load: PairLoad,
  bars: Bars,
  more?: {
    /** Where our load differs. */
    readonly ours?: Partial<Load>;
    /** Where the reference's load differs. */
    readonly theirs?: Partial<Load>;
    /** Only with `--long`. */
    readonly long?: boolean;
  },
];

/** A bar of the rate and of the CPU. */
export function both(ratio: number): Bars {
  return { rate: ratio, cpu: ratio };
}

/** Loads that many rows have. */
export const WAVES = { messages: 50_000, atOnce: 1_000 };
/** Ten fetches of kafkajs, so that it matters little how much of one is decoded when the time begins. */
export const READ = { messages: 300_000 };
/** What a slow reference reads of it. */
export const FEWER = { theirs: { messages: 100_000 } };
export const PIPE = { messages: 50_000 };
/** What a job costs with `exactlyOnce`, beside the same without. */
export const EXACTLY_ONCE: Row = [
  'consume, process, produce, with exactlyOnce, against without',
  'pipe / ours pipe',
  PIPE,
  both(0.4),
  { ours: { worker: { exactlyOnce: true } } },
];
export const ORDERED = { messages: 50_000, atOnce: 100 };
export const AWAITED = { messages: 1_000 };
export const PACED = { messages: 3_000 };
export const BURSTS = { ...PACED, atOnce: 10 };
export const FAILING = { messages: 100_000, atOnce: 16 };

/** Jobs that send into a topic which the rounds share; latency needs an empty one each time, all others one that is full. */
const SENDS = ['singles', 'arrays', 'awaited'];

export function table(driver: Driver, rows: readonly Row[]): Pair[] {
  return rows.map(([name, sides, load, bars, more = {}]) => {
    const [job = '', against = ''] = sides.split(' / ');
    return {
      driver,
      name,
      ours: job.includes(' ') ? job : `ours ${job}`,
      against,
      load,
      bars,
      topic: SENDS.includes(job) ? 'shared' : job.startsWith('latency') ? 'new' : 'full',
      ...(more.ours && { oursWith: more.ours }),
      ...(more.theirs && { againstWith: more.theirs }),
      long: more.long ?? false,
    };
  });
}
