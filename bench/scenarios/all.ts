import type { Pair } from '../pair.js';
import { confluentPairs } from './confluent.js';
import { growthPairs } from './growth.js';
import { kafkajsPairs } from './kafkajs.js';
import { redisPairs } from './redis.js';
import { startPairs } from './start.js';

export const allPairs: readonly Pair[] = [
  ...kafkajsPairs,
  ...confluentPairs,
  ...redisPairs,
  ...growthPairs,
  ...startPairs,
];
