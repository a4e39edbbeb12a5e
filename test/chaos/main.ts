import { parseArgs } from 'node:util';
import buildApps from '../support/apps.js';
import { acquireConfluent } from '../support/brokers/confluent.js';
import { runChaos, type Fault } from './chaos.js';

// npm run test:chaos -- --broker kafka --seconds 120 [--messages 20000] [--faults kill,term,freeze,restart,cut,join,leave,roll]
// npm run test:chaos -- --broker kafka|confluent|kafka-cluster|confluent-cluster --exactly-once
const EXACTLY_ONCE_FAULTS = 'kill,freeze,restart,kill,freeze,kill,freeze';

const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'kafka' },
    seconds: { type: 'string' },
    messages: { type: 'string', default: '20000' },
    faults: { type: 'string' },
    'exactly-once': { type: 'boolean', default: false },
  },
});

const exactlyOnce = values['exactly-once'];
const wanted = values.faults ?? (exactlyOnce ? EXACTLY_ONCE_FAULTS : 'kill,cut,term,join,restart,leave');
const faults = wanted.split(',').filter(Boolean) as Fault[];
if (values.broker.startsWith('confluent')) {
  const client = await acquireConfluent();
  if ('missing' in client) throw new Error(client.missing);
}
await buildApps();
const result = await runChaos({
  broker: values.broker,
  seconds: Number(values.seconds ?? (exactlyOnce ? 40 : 60)),
  exactlyOnce,
  messages: Number(values.messages),
  faults,
  log: (line) => console.error(line),
});
console.log(JSON.stringify(result));
const mayReorder = faults.includes('freeze') && !exactlyOnce;
const isWrong = result.outOfOrder > 0 && !mayReorder;
const isRepeated = exactlyOnce && (result.duplicates > 0 || result.abortedSeen !== 0);
process.exit(isWrong || isRepeated ? 1 : 0);
