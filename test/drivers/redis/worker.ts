import { deadlineIn, systemClock } from '../../../lib/core/clock.js';
import { LoadMember } from './load-member.js';
import { openRedisDriver } from './support.js';

const { URL: url = '', TOPIC = '', OUTPUT = '', GROUP = '', POISON } = process.env;

/** A member in a process of its own. A message whose value is POISON ends the process, as a crash of native code would. */
const { driver } = await openRedisDriver({ url, claimIdleMs: 1_500, blockMs: 500, leaseMs: 1_500 });
const member = LoadMember.join(driver, {
  topic: TOPIC,
  output: OUTPUT,
  groupId: GROUP,
  concurrency: 50,
  handlerMs: 10,
  maxDeliveries: 5,
  onRun({ value }) {
    if (POISON !== undefined && String(value) === POISON) process.kill(process.pid, 'SIGKILL');
  },
});
console.log('listening');
process.on('SIGTERM', () => {
  void driver.close(deadlineIn(systemClock, 10_000)).then(() => {
    const { runs, taken, late } = member;
    console.log(`ended ${JSON.stringify({ runs, taken, late })}`);
    process.exit(0);
  });
});
