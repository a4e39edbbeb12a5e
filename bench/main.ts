// npm run bench -- [scenario] [driver] [--rounds 7] [--size 100] [--json FILE]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { acquireBrokers } from '../test/support/brokers/acquire.js';
import { unique } from '../test/support/unique.js';
import { Contestant } from './contestant.js';
import { runPair, type Pair, type PairResult } from './pair.js';
import { keyOf, payload } from './payload.js';
import { kafkajsPairs } from './scenarios/kafkajs.js';

const PARTITIONS = 4;
const KEYS = 1_000;
const PAIRS: Readonly<Record<string, readonly Pair[]>> = { kafkajs: kafkajsPairs };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    size: { type: 'string', default: '100' },
    json: { type: 'string' },
  },
});
const [scenario = '', driver] = positionals;

const pairs = Object.entries(PAIRS)
  .filter(([name]) => driver === undefined || name === driver)
  .flatMap(([, own]) => own)
  .filter(({ name }) => name.includes(scenario));
const acquired = await acquireBrokers();
const { brokers } = acquired;
const contestants = new Map<string, Contestant>();
const results: PairResult[] = [];
try {
  for (const file of new Set(pairs.flatMap(({ ours, reference }) => [ours[0], reference[0]])))
    contestants.set(file, await Contestant.start(file));
  for (const pair of pairs) results.push(await measure(pair));
} finally {
  for (const contestant of contestants.values()) await contestant.stop();
  await acquired.stop();
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);

async function measure(pair: Pair): Promise<PairResult> {
  if (!('address' in brokers.kafka)) throw new Error(brokers.kafka.missing);
  const broker = brokers.kafka.address;
  const [topic, outputTopic] = [unique('bench'), unique('bench-out')];
  await prepare(broker, [topic, outputTopic], pair);
  const round = ({ messages }: Pair) => ({
    job: '',
    broker,
    topic,
    outputTopic,
    groupId: unique('bench'),
    messages,
    size: Number(values.size),
    keys: KEYS,
  });
  const result = await runPair(pair, { rounds: Number(values.rounds), size: Number(values.size), round, contestants });
  print(result);
  return result;
}

async function prepare(broker: string, topics: readonly string[], pair: Pair): Promise<void> {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: topics.map((topic) => ({ topic, numPartitions: PARTITIONS })),
    waitForLeaders: true,
  });
  await admin.disconnect();
  if (!pair.reads) return;
  const producer = kafka.producer();
  await producer.connect();
  for (let from = 0; from < pair.messages; from += 1_000) {
    const messages = Array.from({ length: 1_000 }, (_, at) => ({
      key: keyOf(from + at, KEYS),
      value: JSON.stringify(payload(from + at, Number(values.size))),
    }));
    await producer.send({ topic: topics[0] as string, messages });
  }
  await producer.disconnect();
}

function print({ name, reference, rateRatio, cpuRatio, bar, ours, theirs }: PairResult): void {
  const mark = rateRatio >= bar ? 'ok ' : 'LOW';
  console.log(
    `${mark} ${name} / ${reference}: rate ${rateRatio.toFixed(2)} (bar ${bar}), cpu ${cpuRatio.toFixed(2)}; ours ${ours.perSecond}/s ${ours.cpuMicrosPerMessage} µs ${ours.peakMb} MB, theirs ${theirs.perSecond}/s ${theirs.cpuMicrosPerMessage} µs ${theirs.peakMb} MB`,
  );
}
