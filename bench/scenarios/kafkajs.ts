import { AWAITED, both, EXACTLY_ONCE, FAILING, FEWER, ORDERED, PACED, PIPE, READ, table, WAVES } from './table.js';

/** What users of kafkajs would pick instead. */
export const kafkajsPairs = table('kafkajs', [
  ['send, 1000 at once', 'singles / kafkajs singles', { ...WAVES, messages: 20_000 }, both(8)],
  ['send, 1000 at once, against arrays', 'singles / kafkajs arrays', WAVES, both(0.85)],
  ['sendBatch of 1000', 'arrays / kafkajs arrays', WAVES, both(0.9)],
  ['send, awaited one by one', 'awaited / kafkajs awaited', AWAITED, { above: { p50: 0.2 } }],
  ['consume, no-op', 'consume / kafkajs consume', READ, both(0.55)],
  ['consume, guard and pipe', 'consumeGuarded / kafkajs consume', READ, both(0.35)],
  ['consume, Buffers', 'buffers / kafkajs buffers', READ, both(0.7)],
  ['consume, Buffers, guard and pipe', 'buffersGuarded / kafkajs buffers', READ, both(0.4)],
  ["consume, against Nest's transport", 'consume / nest-transport consume', READ, both(3), FEWER],
  ['consume, against @nest-native/kafka', 'consume / nest-native consume', READ, both(6), FEWER],
  // the Java parallel consumer does 16,000/s at 96 µs on this job
  ['order per key, 5 ms handlers', 'ordered / bare ordered', ORDERED, { rate: 0.9, perSecond: 16_000, cpuMicros: 96 }],
  [
    "order per key, 5 ms handlers, against Nest's transport",
    'ordered / nest-transport ordered',
    ORDERED,
    both(20),
    { theirs: { messages: 2_000 } },
  ],
  ['consume, process, produce', 'pipe / kafkajs pipe', PIPE, both(0.8)],
  [
    'consume, process, produce, against eachMessage',
    'pipe / kafkajs pipeEachMessage',
    PIPE,
    both(4),
    { theirs: { messages: 2_000 } },
  ],
  EXACTLY_ONCE,
  ['latency at 200/s', 'latency / kafkajs latency', PACED, { above: { p50: 1, p99: 1 } }],
  ['1 % throw once', 'failing / ours consume', FAILING, { rate: 0.8 }],
  ['1 % throw once, against eachMessage', 'failing / kafkajs failing', FAILING, {}, { theirs: { messages: 500 } }],
  [
    "send, against Kafka's own tool",
    'singles / kafka-perf singles',
    { ...WAVES, messages: 100_000 },
    {},
    { theirs: { messages: 300_000 } },
  ],
  ["consume, against Kafka's own tool", 'consume / kafka-perf consume', { messages: 200_000 }, {}],
]);
