import { both, table } from './table.js';

const IN_FLIGHT = { messages: 50_000, atOnce: 100 };
const WORK = { messages: 30_000, atOnce: 100 };
/** BullMQ's queue is filled anew each round, and it is slower. */
const FEWER = { theirs: { messages: 10_000 } };

/** What users of Redis would pick instead. */
export const redisPairs = table('redis', [
  ['send, one by one', 'awaited / ioredis awaited', { messages: 5_000 }, both(0.85)],
  ['send, 100 in flight', 'singles / ioredis singles', IN_FLIGHT, both(1)],
  ['send, 100 in flight, against BullMQ', 'singles / bullmq singles', IN_FLIGHT, both(1.8), FEWER],
  ['consume, concurrency 1, against BullMQ', 'consume / bullmq consume', { ...WORK, atOnce: 1 }, both(5), FEWER],
  ['consume, concurrency 10, against BullMQ', 'consume / bullmq consume', { ...WORK, atOnce: 10 }, both(3), FEWER],
  ['consume, concurrency 100, against BullMQ', 'consume / bullmq consume', WORK, both(3), FEWER],
  ['consume, concurrency 100', 'consume / ioredis consume', WORK, both(0.5)],
  ['order per key, 5 ms handlers', 'ordered / bare ordered', WORK, { rate: 0.9 }],
  ['5 ms handlers, against BullMQ', 'ordered / bullmq handlers', WORK, { cpu: 2 }, FEWER],
]);
