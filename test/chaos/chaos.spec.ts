import { describe, expect, it } from 'vitest';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { where } from '../support/where.js';
import { chaosBrokers } from './brokers.js';
import { runChaos, type Fault } from './chaos.js';

const SECONDS = 15;
const MESSAGES = 20_000;

const here = Object.keys(chaosBrokers).filter(
  (broker) => !broker.startsWith('confluent') || kafkaBackends().includes('confluent'),
);

describe.each(here)('a group on %s', (broker) => {
  const run = async (faults: readonly Fault[]) => {
    const result = await runChaos({ broker, seconds: SECONDS, messages: MESSAGES, faults });
    console.log(JSON.stringify(result));
    return result;
  };

  it('loses nothing and keeps the order of keys while members die, come and go, connections break and the broker restarts', async () => {
    const result = await run(['kill', 'cut', 'term', 'restart', 'join', 'cut', 'leave']);
    expect(result).toMatchObject({ produced: MESSAGES, lost: 0, outOfOrder: 0 });
    expect(result.restarts).toBeGreaterThanOrEqual(3);
  }, 240_000);

  where(broker.endsWith('cluster'))(
    'loses nothing and keeps the order of keys while brokers and members are restarted in turn',
    async () => {
      const result = await run(['join', 'roll']);
      expect(result).toMatchObject({ produced: MESSAGES, lost: 0, outOfOrder: 0 });
      expect(result.restarts).toBeGreaterThanOrEqual(4);
    },
    240_000,
  );

  it('loses nothing while a member is frozen for longer than its session', async () => {
    expect(await run(['freeze'])).toMatchObject({ produced: MESSAGES, lost: 0 });
  }, 240_000);
});
