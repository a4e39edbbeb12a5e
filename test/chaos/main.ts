import { parseArgs } from 'node:util';
import { runChaos, type Fault } from './chaos.js';

// npm run test:chaos -- --broker kafka --seconds 120 [--messages 20000] [--faults kill,term,freeze,restart,cut,join,leave,roll]
const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'kafka' },
    seconds: { type: 'string', default: '60' },
    messages: { type: 'string', default: '20000' },
    faults: { type: 'string', default: 'kill,cut,term,join,restart,leave' },
  },
});

const faults = values.faults.split(',').filter(Boolean) as Fault[];
const result = await runChaos({
  broker: values.broker,
  seconds: Number(values.seconds),
  messages: Number(values.messages),
  faults,
  log: (line) => console.error(line),
});
console.log(JSON.stringify(result));
const mayReorder = faults.includes('freeze');
process.exit(result.lost > 0 || (result.outOfOrder > 0 && !mayReorder) ? 1 : 0);
