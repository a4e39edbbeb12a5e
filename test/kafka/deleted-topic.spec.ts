import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { Driver } from '../../lib/driver/driver.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { records } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const address = brokerAddress('kafka');
/** In it a member looks for missing topics several times. */
const LOOKS_MS = 3_500;

describe.runIf(address !== undefined).each(kafkaBackends())('a topic that is deleted: %s', (backend) => {
  let driver: Driver;
  let member: TestMember;

  const create = (topic: string) => driver.admin.create([{ topic, partitions: 1 }]);
  const send = (topic: string, count: number) => driver.send(records(topic, count), Date.now() + 20_000);
  const handled = (topic: string) => member.settled.filter(({ partition }) => partition.topic === topic).length;
  const assigned = () => member.assigned.map(({ topic }) => topic);
  /** A group that has handled three messages of each. */
  const read = async (...topics: string[]) => {
    for (const topic of topics) await create(topic);
    member = TestMember.join(driver, { topics, groupId: unique('group') });
    for (const topic of topics) await send(topic, 3);
    await eventually(() => expect(topics.map(handled)).toEqual(topics.map(() => 3)));
  };

  beforeEach(async () => {
    const native = backend === 'kafkajs' ? {} : { 'topic.metadata.refresh.interval.ms': 1_000 };
    driver = await openDriver(backend, address as string, { autoCommitIntervalMs: 100, native });
  });

  afterEach(async () => {
    const deadline = deadlineIn(systemClock, 10_000);
    await member.subscription.stop(deadline);
    await driver.close(deadline);
    deadline.cancel();
  });

  it('holds up no other topic of its group, and is read again when it is there again', async () => {
    const [gone, stays] = [unique('gone'), unique('stays')];
    await read(gone, stays);
    await driver.brokerAdmin?.deleteTopic(gone);
    await eventually(() => expect(assigned()).toEqual([stays]), 20_000);
    const [before] = member.assigned;
    let sent = 3;
    for (const end = Date.now() + LOOKS_MS; Date.now() < end; sent += 1) await send(stays, 1);
    await eventually(() => expect(handled(stays)).toBeGreaterThanOrEqual(sent), 20_000);
    expect(member.assigned).toEqual([before]);
    expect(member.assigned[0]).toBe(before);
    await create(gone);
    await send(gone, 3);
    await eventually(() => expect(handled(gone)).toBeGreaterThanOrEqual(6), 20_000);
  });

  it('is waited for by a group that has no other', async () => {
    const gone = unique('gone');
    await read(gone);
    await driver.brokerAdmin?.deleteTopic(gone);
    await eventually(() => expect(assigned()).toEqual([]), 20_000);
    await eventually(() => expect(drainsOf(member).size).toBe(0), 20_000); // a commit under way would count for the new topic
    const told = backend === 'kafkajs' ? ['UnknownTopicError'] : []; // librdkafka says nothing of it
    await eventually(() => expect(member.errors.map(({ name }) => name)).toEqual(expect.arrayContaining(told)), 20_000);
    await create(gone);
    await send(gone, 3);
    await eventually(() => expect(handled(gone)).toBe(6), 40_000);
    expect(member.errors.filter(({ retryable, name }) => !retryable && name !== 'UnknownTopicError')).toEqual([]);
  }, 90_000);
});

/** Partitions that are being given up, each until its last commit is answered. */
function drainsOf({ subscription }: TestMember): ReadonlySet<Promise<void>> {
  return (subscription as unknown as { readonly drains: ReadonlySet<Promise<void>> }).drains;
}
