import { describe, expect, it } from 'vitest';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { runChaos } from './chaos.js';

// the long form: npm run test:chaos -- --broker kafka|confluent --exactly-once
const SECONDS = 6;
const MESSAGES = 2_000;

describe.each(kafkaBackends())('a group with exactlyOnce on %s', (backend) => {
  it('writes each output once, and shows nothing that was aborted, while one member is frozen and another killed', async () => {
    const result = await runChaos({
      broker: backend === 'kafkajs' ? 'kafka' : backend,
      seconds: SECONDS,
      messages: MESSAGES,
      faults: ['freeze', 'kill'],
      exactlyOnce: true,
    });
    console.log(JSON.stringify(result));
    expect(result).toMatchObject({ outputs: result.inputs, lost: 0, duplicates: 0, abortedSeen: 0, outOfOrder: 0 });
    expect(result.restarts).toBe(1);
  }, 240_000);
});
