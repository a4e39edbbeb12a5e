import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { Delivery } from '../../lib/core/delivery.js';
import { ClosedError, MessagingError } from '../../lib/core/errors.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, type Backend } from './support.js';

const address = brokerAddress('kafka') ?? '';

describe.each(kafkaBackends())('%s: transactions', (backend: Backend) => {
  it('writes outputs and positions', { timeout: 60_000 }, async () => {
    const [input, output, groupId] = [unique('in'), unique('out'), unique('group')];
    const driver = await openDriver(backend, address, {});
    await driver.admin.create([input, output].map((topic) => ({ topic, partitions: 2 })));
    const member = TestMember.join(driver, {
      topics: [input],
      groupId,
      transactionIntervalMs: 20,
      handle: ({ value }: Delivery) => ({ kind: 'ack', outputs: [record(output, `out ${value}`)] }),
    });
    const reader = TestMember.join(driver, { topics: [output], groupId: unique('reader') });
    const sent = await driver.send(
      Array.from({ length: 20 }, (_, n) => record(input, String(n))),
      Date.now() + 10_000,
    );
    expect(sent.some((result) => result instanceof MessagingError)).toBe(false);
    await eventually(() => expect(reader.values).toHaveLength(20), 20_000);
    expect(member.settled).toHaveLength(20);
    await driver.close(deadlineIn(systemClock, 5_000));
  });
});
