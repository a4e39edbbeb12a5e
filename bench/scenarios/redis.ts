import type { Pair } from '../pair.js';

/** What users of Redis would pick instead. BullMQ's queue is filled anew each round, so it gets fewer messages where it is slow. */
const rows: readonly Omit<Pair, 'driver'>[] = [
  {
    name: 'send, one by one',
    ours: 'ours awaited',
    against: 'ioredis awaited',
    load: { messages: 5_000 },
    bars: { rate: 0.85 },
  },
  {
    name: 'send, 100 in flight',
    ours: 'ours singles',
    against: 'ioredis singles',
    load: { messages: 50_000, atOnce: 100 },
    bars: { rate: 1 },
  },
  {
    name: 'send, 100 in flight, against BullMQ',
    ours: 'ours singles',
    against: 'bullmq singles',
    load: { messages: 20_000, atOnce: 100 },
    bars: { rate: 1.8 },
  },
  {
    name: 'consume, concurrency 1, against BullMQ',
    ours: 'ours consume',
    against: 'bullmq consume',
    load: { messages: 30_000, atOnce: 1 },
    againstWith: { messages: 5_000 },
    topic: 'full',
    bars: { rate: 5 },
  },
  {
    name: 'consume, concurrency 10, against BullMQ',
    ours: 'ours consume',
    against: 'bullmq consume',
    load: { messages: 30_000, atOnce: 10 },
    againstWith: { messages: 10_000 },
    topic: 'full',
    bars: { rate: 3 },
  },
  {
    name: 'consume, concurrency 100, against BullMQ',
    ours: 'ours consume',
    against: 'bullmq consume',
    load: { messages: 30_000, atOnce: 100 },
    againstWith: { messages: 10_000 },
    topic: 'full',
    bars: { rate: 3 },
  },
  {
    name: 'consume, concurrency 100',
    ours: 'ours consume',
    against: 'ioredis consume',
    load: { messages: 30_000, atOnce: 100 },
    topic: 'full',
    bars: { rate: 0.5 },
  },
  {
    name: 'order per key, 5 ms handlers, 100 at once',
    ours: 'ours ordered',
    against: 'bare ordered',
    load: { messages: 30_000, atOnce: 100 },
    topic: 'full',
    bars: { rate: 0.9 },
  },
  {
    name: '5 ms handlers, 100 at once, against BullMQ',
    ours: 'ours ordered',
    against: 'bullmq handlers',
    load: { messages: 30_000, atOnce: 100 },
    againstWith: { messages: 10_000 },
    topic: 'full',
    bars: { cpu: 2 },
  },
];

export const redisPairs: readonly Pair[] = rows.map((row) => ({ driver: 'redis', ...row }));
