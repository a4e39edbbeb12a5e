import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { Delivery } from '../../lib/core/delivery.js';
import { BrokerError, GroupInUseError, UnknownGroupError, UnknownTopicError } from '../../lib/core/errors.js';
import { MessagingError } from '../../lib/core/errors.js';
import { offsetAfter } from '../../lib/core/offset.js';
import { ACK, RELEASE } from '../../lib/core/outcome.js';
import type { BrokerAdmin, PartitionPosition, PositionTarget, ReadSink } from '../../lib/driver/broker-admin.js';
import type { Driver } from '../../lib/driver/driver.js';
import { eventually } from '../support/eventually.js';
import { records } from '../support/records.js';
import { unique } from '../support/unique.js';
import { where } from '../support/where.js';
import { TestMember, type MemberOptions } from './test-member.js';

/** What the suite needs of a driver. All drivers it makes speak to one broker. */
export interface AdminSubject {
  readonly name: string;
  /** A connected driver that commits within 200 ms. */
  createDriver(): Promise<Driver>;
  /** Whether a topic can get more partitions. */
  readonly growsTopics: boolean;
  /** Settings of a topic as the broker writes them, and what is then read; undefined where it has none. */
  readonly configs?: Readonly<Record<string, string>>;
}

/** Remembers what was read, and how far. */
class TestSink implements ReadSink {
  readonly seen: Delivery[] = [];
  readonly errors: MessagingError[] = [];
  readonly positions = new Map<number, string>();

  onRead(deliveries: readonly Delivery[], { partition, offset }: PartitionPosition): void {
    this.seen.push(...deliveries);
    this.positions.set(partition, offset);
  }

  onError(error: MessagingError): void {
    this.errors.push(error);
  }

  get values(): string[] {
    return this.seen.map(({ value }) => String(value));
  }
}

/** The broker's defaults again. */
function nothingOf(configs: Readonly<Record<string, string>> = {}): Record<string, null> {
  return Object.fromEntries(Object.keys(configs).map((name) => [name, null]));
}

/** What every driver's administration keeps, on its live broker. */
export function adminContract({ name, createDriver, growsTopics, configs }: AdminSubject): void {
  describe(`${name} administration`, () => {
    let driver: Driver;
    let admin: BrokerAdmin;
    const members: TestMember[] = [];

    const createTopic = async (partitions = 3): Promise<string> => {
      const topic = unique('topic');
      await driver.admin.create([{ topic, partitions }]);
      return topic;
    };
    /** Returns where they lie. */
    const send = async (topic: string, count: number, partition = 0): Promise<string[]> => {
      const results = await driver.send(
        records(topic, count).map((one) => ({ ...one, partition })),
        Date.now() + 30_000,
      );
      return results.map((result) => {
        if (result instanceof MessagingError) throw result;
        return result.offset;
      });
    };
    /** The offset that follows these. */
    const end = (offsets: readonly string[]) => offsetAfter(offsets.at(-1) ?? '');
    const join = (topic: string, groupId: string, options: Partial<MemberOptions> = {}): TestMember => {
      const member = TestMember.join(driver, { topics: [topic], groupId, ...options });
      members.push(member);
      return member;
    };
    const leave = async (member: TestMember) => {
      const deadline = deadlineIn(systemClock, 20_000);
      await member.subscription.stop(deadline);
      deadline.cancel();
    };
    const positionOf = async (groupId: string, partition: number) => {
      const { partitions } = await admin.describeGroup(groupId);
      return partitions.find((one) => one.partition === partition)?.position;
    };
    /** A group that has handled everything and left. */
    const handled = async (topic: string, count: number): Promise<string> => {
      const groupId = unique('group');
      const member = join(topic, groupId);
      await eventually(() => expect(member.settled).toHaveLength(count));
      await leave(member);
      return groupId;
    };

    beforeEach(async () => {
      driver = await createDriver();
      if (!driver.brokerAdmin) throw new Error('this driver has no administration');
      admin = driver.brokerAdmin;
    });

    afterEach(async () => {
      await Promise.all(members.splice(0).map(leave));
      const deadline = deadlineIn(systemClock, 10_000);
      await driver.close(deadline);
      deadline.cancel();
    });

    it('lists and describes a topic, with where each partition begins and ends', async () => {
      const topic = await createTopic(2);
      const sent = await send(topic, 3, 1);
      expect((await admin.listTopics()).filter((name) => name.startsWith(topic))).toEqual([topic]);
      const { partitions } = await admin.describeTopic(topic);
      expect(partitions).toEqual([
        expect.objectContaining({ partition: 0, messages: 0 }),
        expect.objectContaining({ partition: 1, start: sent[0], end: end(sent), messages: 3 }),
      ]);
      expect(partitions[0]?.start).toBe(partitions[0]?.end);
    });

    it('creates a topic once, however often it is asked; when that resolves it can be sent to', async () => {
      const spec = { topic: unique('topic'), partitions: 1 };
      await Promise.all([1, 2, 3].map(() => driver.admin.create([spec])));
      const sent = await send(spec.topic, 1);
      await driver.admin.create([spec]);
      expect((await admin.describeTopic(spec.topic)).partitions).toEqual([
        expect.objectContaining({ partition: 0, start: sent[0], messages: 1 }),
      ]);
    });

    it('keeps the settings of a topic, and shows those that somebody made', async () => {
      const topic = unique('topic');
      const spec = { topic, partitions: 1, retentionMs: 3_600_000 };
      await driver.admin.create([configs ? { ...spec, configs } : spec]);
      const found = await admin.describeTopic(topic);
      expect(found.configs).toEqual({ 'retention.ms': '3600000', ...configs });
    });

    where(configs !== undefined)('alters settings of a topic, and leaves the others', async () => {
      const topic = unique('topic');
      await driver.admin.create([{ topic, partitions: 1, retentionMs: 3_600_000, ...(configs && { configs }) }]);
      await admin.alterTopic?.(topic, {
        'retention.ms': '7200000',
        'max.message.bytes': '5000',
        ...nothingOf(configs),
      });
      expect((await admin.describeTopic(topic)).configs).toEqual({
        'retention.ms': '7200000',
        'max.message.bytes': '5000',
      });
      const [seen] = (await driver.admin.settings?.([topic])) ?? [];
      expect(seen).toEqual({ topic, retentionMs: 7_200_000, cleanupPolicy: 'delete' });
      await expect(admin.alterTopic?.(topic, { 'no.such.setting': '1' })).rejects.toBeInstanceOf(BrokerError);
      await expect(admin.alterTopic?.(unique('nothing'), {})).rejects.toBeInstanceOf(UnknownTopicError);
    });

    it('deletes a topic: it is gone when that resolves, and can be made again, empty', async () => {
      const topic = await createTopic(1);
      await send(topic, 2);
      await admin.deleteTopic(topic);
      expect(await admin.listTopics()).not.toContain(topic);
      await expect(admin.describeTopic(topic)).rejects.toBeInstanceOf(UnknownTopicError);
      await eventually(async () => {
        await driver.admin.create([{ topic, partitions: 1 }]);
        expect((await admin.describeTopic(topic)).partitions[0]).toMatchObject({ messages: 0 });
      });
    });

    it('names a topic and a group that are not there', async () => {
      const topic = unique('nothing');
      await expect(admin.describeTopic(topic)).rejects.toBeInstanceOf(UnknownTopicError);
      await expect(admin.deleteTopic(topic)).rejects.toBeInstanceOf(UnknownTopicError);
      await expect(admin.positionsAt(topic, { at: 'latest' })).rejects.toBeInstanceOf(UnknownTopicError);
      await expect(admin.describeGroup(topic)).rejects.toBeInstanceOf(UnknownGroupError);
      await expect(admin.deleteGroup(topic)).rejects.toBeInstanceOf(UnknownGroupError);
    });

    where(growsTopics)('adds partitions that can be sent to, and never takes any away', async () => {
      const topic = await createTopic(1);
      await admin.addPartitions(topic, 3);
      await send(topic, 1, 2);
      expect((await admin.describeTopic(topic)).partitions.map(({ messages }) => messages)).toEqual([0, 0, 1]);
      await expect(admin.addPartitions(topic, 2)).rejects.toBeInstanceOf(BrokerError);
    });

    where(!growsTopics)('says that a topic keeps its number of partitions', async () => {
      const growing = admin.addPartitions(await createTopic(1), 3);
      await expect(growing).rejects.toMatchObject({ code: 'UNSUPPORTED_BY_BROKER' });
    });

    it('tells how far a group is, who reads, and what is left; null where that is not known', async () => {
      const topic = await createTopic(2);
      const sent = await send(topic, 3, 0);
      const groupId = unique('group');
      const member = join(topic, groupId);
      await eventually(async () => {
        const found = await admin.describeGroup(groupId);
        expect(found).toMatchObject({ groupId, state: 'stable', members: 1 });
        const [first] = found.partitions;
        expect(first).toMatchObject({ topic, partition: 0, position: end(sent), end: end(sent), lag: 0 });
        expect(first?.member).toEqual(expect.any(String));
      });
      await leave(member);
      const later = await send(topic, 2, 0);
      const left = await admin.describeGroup(groupId);
      expect(left).toMatchObject({ state: 'empty', members: 0 });
      expect(left.partitions[0]).toMatchObject({ position: end(sent), end: end(later), lag: 2, member: null });
      expect(await admin.listGroups()).toContain(groupId);
      const strange = unique('group');
      await admin.seek(strange, topic, [{ partition: 0, offset: sent[1] as string }]);
      expect((await admin.describeGroup(strange)).partitions).toEqual([
        expect.objectContaining({ partition: 0, position: sent[1], lag: 4 }),
        expect.objectContaining({ partition: 1, position: null, lag: null }),
      ]);
    });

    it('moves an empty group to the beginning, the end, a time and an offset, and reads back where it is', async () => {
      const topic = await createTopic(1);
      const before = await send(topic, 2);
      const sentAt = Date.now();
      await eventually(() => expect(Date.now()).toBeGreaterThan(sentAt));
      const time = Date.now();
      const sent = [...before, ...(await send(topic, 2))];
      const groupId = await handled(topic, 4);
      const targets: readonly (readonly [PositionTarget, string | undefined])[] = [
        [{ at: 'earliest' }, sent[0]],
        [{ at: 'latest' }, end(sent)],
        [{ time }, sent[2]],
        [{ time: Date.now() + 1_000_000 }, end(sent)],
        [{ offset: sent[1] as string }, sent[1]],
        [{ offset: '9999999999999' }, end(sent)],
      ];
      for (const [target, offset] of targets) {
        const positions = await admin.positionsAt(topic, target);
        expect(positions).toEqual([{ partition: 0, offset }]);
        expect(await admin.seek(groupId, topic, positions)).toEqual([{ partition: 0, offset }]);
        expect(await positionOf(groupId, 0)).toBe(offset);
      }
    });

    it('lets a group go on from where it was moved to', async () => {
      const topic = await createTopic(1);
      const sent = await send(topic, 4);
      const groupId = await handled(topic, 4);
      await admin.seek(groupId, topic, [{ partition: 0, offset: sent[2] as string }]);
      const again = join(topic, groupId);
      await eventually(() => expect(again.seen.map(({ offset }) => offset)).toEqual(sent.slice(2)));
    });

    it('neither moves nor deletes a group that has members', async () => {
      const topic = await createTopic(1);
      const sent = await send(topic, 2);
      const groupId = unique('group');
      const member = join(topic, groupId);
      await eventually(async () => expect(await positionOf(groupId, 0)).toBe(end(sent)));
      const back = [{ partition: 0, offset: sent[0] as string }];
      await expect(admin.seek(groupId, topic, back)).rejects.toBeInstanceOf(GroupInUseError);
      await expect(admin.deleteGroup(groupId)).rejects.toBeInstanceOf(GroupInUseError);
      expect(await positionOf(groupId, 0)).toBe(end(sent));
      await leave(member);
      await admin.deleteGroup(groupId);
      await expect(admin.describeGroup(groupId)).rejects.toBeInstanceOf(UnknownGroupError);
    });

    it('moves a group whose last member left with messages unfinished', async () => {
      const topic = await createTopic(1);
      const sent = await send(topic, 3);
      const groupId = unique('group');
      const handle = ({ offset }: Delivery) => (offset === sent[0] ? ACK : RELEASE);
      const member = join(topic, groupId, { handle });
      await eventually(() => expect(member.seen.length).toBeGreaterThanOrEqual(3));
      await leave(member);
      const { members: count, state, partitions } = await admin.describeGroup(groupId);
      expect({ count, state, ...partitions[0] }).toMatchObject({ count: 0, state: 'empty', position: sent[1], lag: 2 });
      await admin.seek(groupId, topic, [{ partition: 0, offset: sent[0] as string }]);
      const again = join(topic, groupId);
      await eventually(() => expect(again.settled.map(({ offset }) => offset)).toEqual(sent));
    });

    it('goes on with other topics when one that it knows is deleted by somebody else', async () => {
      const [gone, stays] = [await createTopic(1), await createTopic(1)];
      await send(gone, 1);
      await admin.positionsAt(gone, { at: 'latest' });
      await handled(gone, 1);
      const other = await createDriver();
      await other.brokerAdmin?.deleteTopic(gone);
      const sent = await send(stays, 1);
      const groupId = await handled(stays, 1);
      const fresh = await createTopic(1);
      await send(fresh, 1);
      expect(await admin.listGroups()).toContain(groupId);
      expect(await positionOf(groupId, 0)).toBe(end(sent));
      await expect(admin.positionsAt(gone, { at: 'latest' })).rejects.toBeInstanceOf(UnknownTopicError);
      await other.close(deadlineIn(systemClock, 10_000));
    });

    it('reads from given positions on, and what comes after, without leaving a trace', async () => {
      const topic = await createTopic(2);
      const sent = await send(topic, 3, 0);
      await send(topic, 1, 1);
      const groupsBefore = await admin.listGroups();
      const sink = new TestSink();
      const groupId = unique('reader');
      const reader = admin.read({ topic, groupId, from: [{ partition: 0, offset: sent[1] as string }] }, sink);
      await eventually(() => expect(sink.seen.map(({ offset }) => offset)).toEqual(sent.slice(1)));
      const last = await send(topic, 1, 0);
      await eventually(() => expect(sink.positions).toEqual(new Map([[0, end(last)]])));
      expect(sink.seen.every(({ partition }) => partition.topic === topic && partition.index === 0)).toBe(true);
      await reader.close();
      await reader.close();
      expect((await admin.listGroups()).filter((one) => one === groupId)).toEqual([]);
      expect(groupsBefore).not.toContain(groupId);
      expect(sink.errors).toEqual([]);
    });

    it('reads beside a group at work, whose members keep their partitions and positions', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      const member = join(topic, groupId);
      await eventually(() => expect(member.assigned).toHaveLength(1));
      const [before] = member.assigned;
      const sink = new TestSink();
      const from = await admin.positionsAt(topic, { at: 'earliest' });
      const reader = admin.read({ topic, groupId: `${groupId}-cli-1`, from }, sink);
      const sent = await send(topic, 3);
      await eventually(() => expect(sink.seen).toHaveLength(3));
      await eventually(async () => expect(await positionOf(groupId, 0)).toBe(end(sent)));
      await reader.close();
      expect(member.assigned).toEqual([before]);
      expect(member.assigned[0]).toBe(before);
      expect(member.settled).toHaveLength(3);
    });

    it('pauses a reader', async () => {
      const topic = await createTopic(1);
      const sink = new TestSink();
      const reader = admin.read({ topic, groupId: unique('reader'), from: [{ partition: 0, offset: '0' }] }, sink);
      await send(topic, 1);
      await eventually(() => expect(sink.seen).toHaveLength(1));
      reader.pause();
      const other = new TestSink();
      const witness = admin.read({ topic, groupId: unique('reader'), from: [{ partition: 0, offset: '0' }] }, other);
      await eventually(() => expect(other.seen).toHaveLength(1)); // by now a pause has taken effect
      await send(topic, 2);
      await eventually(() => expect(other.seen).toHaveLength(3));
      expect(sink.seen).toHaveLength(1);
      reader.resume();
      await eventually(() => expect(sink.values).toHaveLength(3));
      await Promise.all([reader.close(), witness.close()]);
    });
  });
}
