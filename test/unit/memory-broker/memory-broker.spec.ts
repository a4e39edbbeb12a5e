import { describe, expect, it } from 'vitest';
import { MemoryBroker } from '../../../lib/memory-broker/memory-broker.js';
import type { MemoryAssignment, MemoryMember } from '../../../lib/memory-broker/memory-group.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { record } from '../../support/records.js';

function member(...topics: string[]): MemoryMember & { assigned: readonly MemoryAssignment[] } {
  return {
    topics,
    assigned: [],
    async revoke() {
      this.assigned = [];
    },
    assign(assignments) {
      this.assigned = assignments;
    },
    lost() {
      this.assigned = [];
    },
  };
}

describe('MemoryBroker', () => {
  const fill = (broker: MemoryBroker, name: string, count: number) => {
    const topic = broker.createTopic(name, 1);
    return Array.from({ length: count }, (_, n) => broker.append(topic, 0, record(name, String(n))));
  };

  it('keeps what every group has passed for late groups, until the topic is full', async () => {
    const broker = new MemoryBroker({ maxMessagesPerTopic: 4 });
    await broker.group('g').join(member('t'));
    fill(broker, 't', 4);
    broker.commit('g', 't', 0, 3);
    expect(broker.topic('t')?.logs[0]?.start).toBe(0);
    expect(fill(broker, 't', 1)).toEqual([4]);
    expect(broker.topic('t')?.logs[0]).toMatchObject({ start: 3, end: 5 });
  });

  it('takes no more when the topic is full of what somebody has to read, and tells when there is room', async () => {
    const broker = new MemoryBroker({ maxMessagesPerTopic: 2 });
    await broker.group('g').join(member('t'));
    expect(fill(broker, 't', 3)).toEqual([0, 1, undefined]);
    let hasRoom = false;
    void broker.room('t').then(() => (hasRoom = true));
    await settle();
    expect(hasRoom).toBe(false);
    broker.commit('g', 't', 0, 1);
    await settle();
    expect(hasRoom).toBe(true);
    expect(fill(broker, 't', 1)).toEqual([2]);
  });

  it('drops what is older than the retention', async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    broker.createTopic('t', 1, 1_000);
    fill(broker, 't', 2);
    await clock.advance(1_001);
    fill(broker, 't', 1);
    expect(broker.topic('t')?.logs[0]).toMatchObject({ start: 2, end: 3 });
  });

  it('drops nothing where the retention is without end (-1)', async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    broker.createTopic('t', 1, -1);
    fill(broker, 't', 2);
    await clock.advance(1_001);
    fill(broker, 't', 1);
    expect(broker.topic('t')?.logs[0]).toMatchObject({ start: 0, end: 3 });
  });

  it('gives each partition to one member of a group, and all again when members come and go', async () => {
    const broker = new MemoryBroker();
    broker.createTopic('t', 4);
    const group = broker.group('g');
    const [first, second] = [member('t'), member('t')];
    await group.join(first);
    expect(first.assigned).toHaveLength(4);
    await group.join(second);
    expect([first.assigned.length, second.assigned.length]).toEqual([2, 2]);
    await group.leave(first);
    expect(new Set(second.assigned.map(({ index }) => index))).toEqual(new Set([0, 1, 2, 3]));
  });

  it('gives a topic only to members that read it', async () => {
    const broker = new MemoryBroker();
    broker.createTopic('a', 2);
    broker.createTopic('b', 2);
    const group = broker.group('g');
    const [first, second] = [member('a'), member('b')];
    await group.join(first);
    await group.join(second);
    expect(first.assigned.map(({ topic }) => topic)).toEqual(['a', 'a']);
    expect(second.assigned.map(({ topic }) => topic)).toEqual(['b', 'b']);
  });

  it('tells a new owner where the group goes on', async () => {
    const broker = new MemoryBroker();
    broker.createTopic('t', 1);
    broker.commit('g', 't', 0, 7);
    const one = member('t');
    await broker.group('g').join(one);
    expect(one.assigned).toEqual([{ topic: 't', index: 0, position: 7 }]);
  });

  it('shares a topic that appears later', async () => {
    const broker = new MemoryBroker();
    const one = member('t');
    await broker.group('g').join(one);
    broker.createTopic('t', 2);
    await settle();
    expect(one.assigned).toHaveLength(2);
  });

  it('says how far each group is behind', async () => {
    const broker = new MemoryBroker();
    await broker.group('g').join(member('t'));
    fill(broker, 't', 3);
    broker.commit('g', 't', 0, 1);
    expect(broker.lags()).toEqual([{ groupId: 'g', topic: 't', lag: 2 }]);
    broker.commit('g', 't', 0, 3);
    expect(broker.lags()).toEqual([]);
  });
});
