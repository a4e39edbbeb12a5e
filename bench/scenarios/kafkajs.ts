import type { Pair } from '../pair.js';

/** What kafkajs users would pick instead, and what is asked of us beside it. */
export const kafkajsPairs: readonly Pair[] = [
  {
    name: 'send, 1000 at once',
    ours: ['kafkajs-ours', 'singles'],
    reference: ['kafkajs-raw', 'singles'],
    messages: 20_000,
    bar: 8,
  },
  {
    name: 'send, 1000 at once, against arrays',
    ours: ['kafkajs-ours', 'singles'],
    reference: ['kafkajs-raw', 'arrays'],
    messages: 50_000,
    bar: 0.85,
  },
  {
    name: 'sendBatch of 1000',
    ours: ['kafkajs-ours', 'arrays'],
    reference: ['kafkajs-raw', 'arrays'],
    messages: 50_000,
    bar: 0.9,
  },
  {
    name: 'consume, no-op',
    ours: ['kafkajs-ours', 'consume'],
    reference: ['kafkajs-raw', 'consume'],
    messages: 100_000,
    reads: true,
    bar: 0.55,
  },
  {
    name: 'consume, process, produce',
    ours: ['kafkajs-ours', 'pipe'],
    reference: ['kafkajs-raw', 'pipe'],
    messages: 50_000,
    reads: true,
    bar: 0.8,
  },
];
