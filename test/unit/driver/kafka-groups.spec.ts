import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../../lib/core/errors.js';
import type { AdminClient, GroupClient } from '../../../lib/driver/kafka/admin-client.js';
import { KafkaGroups } from '../../../lib/driver/kafka/kafka.groups.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

const LOADING = new BrokerError('the coordinator is loading', { retryable: true });
const REFUSED = new BrokerError('not allowed', { retryable: false });

/** Groups of a cluster that lists them by these answers, one after the other and the last for ever. */
function groupsOf(answers: readonly (BrokerError | readonly string[])[]) {
  const clock = new FakeClock();
  let asked = 0;
  const list = async () => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    if (answer instanceof Error) throw answer;
    return answer ?? [];
  };
  const client = { groups: { list } as Partial<GroupClient> } as AdminClient;
  const context = { connection: 'kafka', clock, log: new TestLog(), onStatus: () => {} };
  return { clock, groups: new KafkaGroups(client, context), asked: () => asked };
}

describe('the groups of a Kafka cluster', () => {
  it('are asked for again while a coordinator loads them', async () => {
    const { clock, groups, asked } = groupsOf([LOADING, LOADING, ['b', 'a']]);
    const listing = groups.list();
    await clock.advance(1_000);
    expect(await listing).toEqual(['a', 'b']);
    expect(asked()).toBe(3);
  });

  it('are not waited for without end', async () => {
    const { clock, groups } = groupsOf([LOADING]);
    const listing = groups.list().catch((error: unknown) => error);
    await clock.advance(6_000);
    expect(await listing).toBe(LOADING);
  });

  it('are not asked for again after a refusal', async () => {
    const { groups, asked } = groupsOf([REFUSED, ['a']]);
    await expect(groups.list()).rejects.toBe(REFUSED);
    expect(asked()).toBe(1);
  });
});
