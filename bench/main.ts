// npm run bench -- [scenario] [driver] [--rounds 7] [--size 100] [--scale 1] [--long] [--json FILE] [--profile FOLDER] [--note TEXT]
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { acquireBrokers } from '../test/support/brokers/acquire.js';
import { acquireConfluent } from '../test/support/brokers/confluent.js';
import { unique } from '../test/support/unique.js';
import { runPair, type Pair, type PairResult } from './pair.js';
import type { Load } from './protocol.js';
import { installReferences } from './references.js';
import { lineOf, type Report } from './report.js';
import { allPairs } from './scenarios/all.js';
import { Topics } from './topics.js';
import { versions } from './versions.js';

/** Waves of sends come in full thousands. */
const CHUNK = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    size: { type: 'string', default: '100' },
    scale: { type: 'string', default: '1' },
    long: { type: 'boolean', default: false },
    json: { type: 'string' },
    profile: { type: 'string' },
    note: { type: 'string' },
  },
});
const [scenario = '', driver] = positionals;
const [rounds, size] = [Number(values.rounds), Number(values.size)];
const pairs = allPairs
  .filter(
    (pair) =>
      pair.name.includes(scenario) && (driver === undefined || pair.driver === driver) && (values.long || !pair.long),
  )
  .map(scaled);

installReferences();
const confluent = await acquireConfluent();
if ('missing' in confluent) throw new Error(confluent.missing);
const acquired = await acquireBrokers();
const results: PairResult[] = [];
try {
  const topics = new Topics(addressOf('kafka'), addressOf('redis'));
  for (const pair of pairs) {
    await measure(topics, pair);
    if (values.json) writeFileSync(values.json, `${JSON.stringify(await report(), null, 2)}\n`);
  }
} finally {
  await acquired.stop();
}

function addressOf(name: 'kafka' | 'redis'): string {
  const found = acquired.brokers[name];
  if ('missing' in found) throw new Error(found.missing);
  return found.address;
}

/** With more or fewer messages; those few that are sent at a pace of their own stay. */
function scaled(pair: Pair): Pair {
  const of = <Part extends Partial<Load>>(load: Part): Part => {
    const { messages = 0 } = load;
    if (messages <= CHUNK) return load;
    return { ...load, messages: Math.ceil((messages * Number(values.scale)) / CHUNK) * CHUNK };
  };
  return { ...pair, load: of(pair.load), oursWith: of(pair.oursWith ?? {}), againstWith: of(pair.againstWith ?? {}) };
}

/** A pair that fails is told of, and ends the run with an error; the others are measured. */
async function measure(topics: Topics, pair: Pair): Promise<void> {
  try {
    const round = (_: Pair, load: Load) => roundOf(topics, pair, load);
    const result = await runPair(pair, { rounds, size, round, profiles: values.profile });
    results.push(result);
    console.log(lineOf(result));
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED  ${pair.driver}: ${pair.name} / ${pair.against}`, error);
  }
}

async function roundOf(topics: Topics, { driver: own, topic, name }: Pair, load: Load) {
  const input = {
    full: () => topics.full(own, load),
    new: () => topics.empty(own),
    shared: () => topics.shared(own, name),
  };
  return {
    ...load,
    driver: own,
    broker: topics.brokerOf(own),
    topic: await input[topic](),
    outputTopic: await topics.shared(own, `${name} output`),
    groupId: unique('bench'),
  };
}

async function report(): Promise<Report> {
  return {
    date: new Date().toISOString().slice(0, 10),
    versions: await versions(addressOf('redis')),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    note: values.note ?? '',
    rounds,
    size,
    results,
  };
}
