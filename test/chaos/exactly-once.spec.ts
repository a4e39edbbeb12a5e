import { describe, expect, it } from 'vitest';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { runChaos, type Fault } from './chaos.js';

// the long form: npm run test:chaos -- --broker kafka|confluent|kafka-cluster|confluent-cluster --exactly-once
const SECONDS = 6;
const MESSAGES = 2_000;

describe.each(kafkaBackends())('a group with exactlyOnce on %s', (backend) => {
  const one = backend === 'kafkajs' ? 'kafka' : backend;
  const run = async (broker: string, faults: readonly Fault[]) => {
    const result = await runChaos({ broker, seconds: SECONDS, messages: MESSAGES, faults, exactlyOnce: true });
    console.log(JSON.stringify(result));
    expect(result).toMatchObject({
      inputs: MESSAGES,
      outputs: MESSAGES,
      lost: 0,
      duplicates: 0,
      abortedSeen: 0,
      outOfOrder: 0,
    });
    return result;
  };

  it('writes each output once, and shows nothing that was aborted, while one member is frozen and another killed', async () => {
    expect(await run(one, ['freeze', 'kill'])).toMatchObject({ restarts: 1 });
  }, 240_000);

  it('does so while a broker of three and a member are killed', async () => {
    expect(await run(`${one}-cluster`, ['restart', 'kill'])).toMatchObject({ restarts: 2 });
  }, 240_000);
});
