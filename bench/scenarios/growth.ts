import { table, WAVES, type Row } from './table.js';

/** The cost of a message may grow by a factor of 1.3, at most. */
const CONSTANT = { cpu: 0.77 };
const READ = { messages: 100_000 };
const MANY = 1_000_000;

const handlers = [10, 100, 1_000].map((atOnce): Row => [
  `growth, ${atOnce} handlers, against 1`,
  'consume / ours consume',
  READ,
  CONSTANT,
  { ours: { atOnce } },
]);

/** One at a time takes longer. */
const ALONE = { atOnce: 1, messages: 5_000 };
const STEPS = [
  [10, ALONE],
  [100, ALONE],
  [1_000, ALONE],
  [100, { atOnce: 10 }],
  [1_000, { atOnce: 10 }],
  [1_000, { atOnce: 100 }],
] as const;

const sends = STEPS.map(([atOnce, theirs]): Row => {
  const name = `growth, ${atOnce} sends in flight, against ${theirs.atOnce}`;
  return [name, 'singles / ours singles', WAVES, CONSTANT, { ours: { atOnce }, theirs }];
});

const keys = [10_000, 100_000, MANY].map((count): Row => {
  const load = { messages: Math.max(count, READ.messages), keys: 100, atOnce: 100 };
  const more = { ours: { keys: count }, long: count === MANY };
  return [`growth, ${count} keys, against 100`, 'consume / ours consume', load, CONSTANT, more];
});

const memory = [200_000, 5 * MANY].map((messages): Row => {
  const bars = { above: { peakMb: 50 } };
  return [
    `memory, catching up with ${messages}`,
    'consume / kafkajs consume',
    { messages },
    bars,
    { long: messages > MANY },
  ];
});

/** Ours beside ours, but for memory: what a message costs while something grows. */
export const growthPairs = table('kafkajs', [...handlers, ...sends, ...keys, ...memory]);
