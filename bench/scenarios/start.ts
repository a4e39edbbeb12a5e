import type { Pair } from '../pair.js';

/** From the fork of a process to its first message, in ms above an app of Nest that has no broker. */
const rows = [
  { name: 'start', ours: 'start ours', against: 'start bare', bars: { above: { start: 100 } } },
  { name: "start, of Nest's transport", ours: 'start nest-transport', against: 'start bare', bars: {} },
  { name: 'start, of @nest-native/kafka', ours: 'start nest-native', against: 'start bare', bars: {} },
];

export const startPairs: readonly Pair[] = rows.map((row) => ({
  driver: 'kafkajs',
  load: { messages: 1 },
  topic: 'full',
  ...row,
}));
