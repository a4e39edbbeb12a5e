import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { records } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const address = brokerAddress('kafka');

describe.runIf(address !== undefined).each(kafkaBackends())('a topic that is deleted: %s', (backend) => {
  it('holds up no other topic of its group, and is read again when it is there again', async () => {
    const native = backend === 'kafkajs' ? {} : { 'topic.metadata.refresh.interval.ms': 1_000 };
    const driver = await openDriver(backend, address as string, { autoCommitIntervalMs: 100, native });
    const [gone, stays] = [unique('gone'), unique('stays')];
    const create = (topic: string) => driver.admin.create([{ topic, partitions: 1 }]);
    const send = (topic: string, count: number) => driver.send(records(topic, count), Date.now() + 20_000);
    await create(gone);
    await create(stays);
    const member = TestMember.join(driver, { topics: [gone, stays], groupId: unique('group') });
    const handled = (topic: string) => member.settled.filter(({ partition }) => partition.topic === topic).length;
    await send(gone, 3);
    await send(stays, 3);
    await eventually(() => expect([handled(gone), handled(stays)]).toEqual([3, 3]));
    await driver.brokerAdmin?.deleteTopic(gone);
    await eventually(() => expect(member.assigned.map(({ topic }) => topic)).toEqual([stays]), 20_000);
    await send(stays, 3);
    await eventually(() => expect(handled(stays)).toBeGreaterThanOrEqual(6), 20_000);
    await create(gone);
    await send(gone, 3);
    await eventually(() => expect(handled(gone)).toBeGreaterThanOrEqual(6), 20_000);
    const deadline = deadlineIn(systemClock, 10_000);
    await member.subscription.stop(deadline);
    await driver.close(deadline);
    deadline.cancel();
  });
});
