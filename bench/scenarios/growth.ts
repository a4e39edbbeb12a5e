import type { Pair } from '../pair.js';

/** The cost of a message may grow by this factor, at most. */
const bars = { cpu: 0.77 };
const MEMORY = { above: { peakMb: 50 } };

/** Ours beside ours: what a message costs while something grows. */
const inFlight = [10, 100, 1_000].map((atOnce) => ({
  name: `growth, ${atOnce} handlers at once, against 1`,
  ours: 'ours consume',
  against: 'ours consume',
  load: { messages: 100_000 },
  oursWith: { atOnce },
  topic: 'full' as const,
  bars,
}));

const sends = [100, 1_000].map((atOnce) => ({
  name: `growth, ${atOnce} sends in flight, against 10`,
  ours: 'ours singles',
  against: 'ours singles',
  load: { messages: 50_000, atOnce: 10 },
  oursWith: { atOnce },
  bars,
}));

const keys = [10_000, 100_000, 1_000_000].map((count) => ({
  name: `growth, ${count} keys, against 100`,
  ours: 'ours consume',
  against: 'ours consume',
  load: { messages: count > 100_000 ? count : 100_000, keys: 100, atOnce: 100 },
  oursWith: { keys: count },
  topic: 'full' as const,
  bars,
  long: count > 100_000,
}));

const memory = [200_000, 5_000_000].map((messages) => ({
  name: `memory, catching up with ${messages}`,
  ours: 'ours consume',
  against: 'kafkajs consume',
  load: { messages },
  topic: 'full' as const,
  bars: MEMORY,
  long: messages > 1_000_000,
}));

export const growthPairs: readonly Pair[] = [...inFlight, ...sends, ...keys, ...memory].map((row) => ({
  driver: 'kafkajs',
  ...row,
}));
