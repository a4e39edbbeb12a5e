import { table } from './table.js';

const ONE = { messages: 1 };

/** From the fork of a process to its first message, beside an app of Nest that has no broker. */
export const startPairs = table('kafkajs', [
  ['start', 'start ours / start bare', ONE, { above: { start: 100 } }],
  ["start, of Nest's transport", 'start nest-transport / start bare', ONE, {}],
  ['start, of @nest-native/kafka', 'start nest-native / start bare', ONE, {}],
]);
