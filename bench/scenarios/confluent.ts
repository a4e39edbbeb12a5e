import {
  AWAITED,
  both,
  BURSTS,
  EXACTLY_ONCE,
  FAILING,
  FEWER,
  ORDERED,
  PACED,
  PIPE,
  READ,
  table,
  WAVES,
} from './table.js';

/** What users of librdkafka would pick instead. */
export const confluentPairs = table('confluent', [
  ['send, 1000 at once', 'singles / confluent singles', WAVES, both(0.85)],
  ['send, 1000 at once, against the promise API', 'singles / confluent-promise singles', WAVES, both(1)],
  ['send, 1000 at once, against @nest-native/kafka', 'singles / nest-native singles', WAVES, both(1)],
  ['sendBatch of 1000', 'arrays / confluent-promise arrays', WAVES, both(0.9)],
  ['send, awaited one by one', 'awaited / confluent awaited', AWAITED, { above: { p50: 0.2 } }],
  ['consume, no-op', 'consume / confluent consume', READ, both(0.7)],
  ['consume, Buffers', 'buffers / confluent buffers', READ, both(0.7)],
  ['consume, against the promise API', 'consume / confluent-promise consume', READ, {}, FEWER],
  ['consume, against @nest-native/kafka', 'consume / nest-native consume', READ, both(6), FEWER],
  ['order per key, 5 ms handlers', 'ordered / bare ordered', ORDERED, { rate: 0.9, perSecond: 16_000, cpuMicros: 96 }],
  ['consume, process, produce', 'pipe / confluent-promise pipe', PIPE, both(0.8)],
  EXACTLY_ONCE,
  ['latency at 200/s', 'latency / confluent latency', PACED, { above: { p50: 1, p99: 1 } }],
  ['latency at 200/s, at random', 'latencyAtRandom / confluent latencyAtRandom', PACED, { above: { p50: 1, p99: 1 } }],
  ['latency at 200/s, ten at once', 'latency / confluent latency', BURSTS, { above: { p50: 1, p99: 1 } }],
  ['1 % throw once', 'failing / ours consume', FAILING, { rate: 0.8 }],
]);
