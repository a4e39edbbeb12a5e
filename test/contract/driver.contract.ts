import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { Delivery } from '../../lib/core/delivery.js';
import {
  ClosedError,
  MessageTooLargeError,
  MessagingError,
  UnknownPartitionError,
  UnknownTopicError,
} from '../../lib/core/errors.js';
import type { OutgoingRecord, SentRecord } from '../../lib/core/message.js';
import { partitionOf } from '../../lib/core/murmur2.js';
import { ACK, RELEASE } from '../../lib/core/outcome.js';
import type { Driver, Features } from '../../lib/driver/driver.js';
import { deferred } from '../support/deferred.js';
import { eventually } from '../support/eventually.js';
import { record, records } from '../support/records.js';
import { unique } from '../support/unique.js';
import { where } from '../support/where.js';
import { TestMember, type MemberOptions } from './test-member.js';

/** What the suite needs of a driver. All drivers it makes speak to one broker. */
export interface ContractSubject {
  readonly name: string;
  readonly features: Features;
  /** A connected driver, with `maxMessageBytes` at its default of 1 MiB and no topics created by their use. */
  createDriver(): Promise<Driver>;
}

/** The port's promise, and a little. */
const PAUSED_WITHIN_MS = 300;

/** What every driver keeps, on its live broker. */
export function driverContract({ name, features, createDriver }: ContractSubject): void {
  describe(`${name} driver`, () => {
    const drivers: Driver[] = [];
    let driver: Driver;

    const open = async (): Promise<Driver> => {
      const opened = await createDriver();
      drivers.push(opened);
      return opened;
    };
    const close = (one: Driver, ms = 10_000) => one.close(deadlineIn(systemClock, ms));
    const createTopic = async (partitions = 3): Promise<string> => {
      const topic = unique('topic');
      await driver.admin.create([{ topic, partitions }]);
      return topic;
    };
    const send = async (list: readonly OutgoingRecord[]): Promise<SentRecord[]> => {
      const results = await driver.send(list, Date.now() + 30_000);
      for (const result of results) if (result instanceof MessagingError) throw result;
      return results as SentRecord[];
    };
    const join = (topic: string, options: Partial<MemberOptions> = {}, over = driver): TestMember =>
      TestMember.join(over, { topics: [topic], groupId: unique('group'), ...options });

    beforeEach(async () => {
      driver = await open();
    });

    afterEach(async () => {
      await Promise.all(drivers.splice(0).map((one) => close(one)));
    });

    it('delivers what was sent, with key, value, timestamp and position', async () => {
      const topic = await createTopic();
      const member = join(topic);
      const [sent] = await send([record(topic, 'hello', { key: 'k', timestamp: 1_700_000_000_000 })]);
      await eventually(() => expect(member.values).toEqual(['hello']));
      const [delivery] = member.seen as [Delivery];
      expect(delivery).toMatchObject({ offset: sent?.offset, timestamp: 1_700_000_000_000, deliveries: 1 });
      expect(delivery.partition).toMatchObject({ topic, index: sent?.partition });
      expect(delivery.key?.toString()).toBe('k');
    });

    it('delivers what was sent before the group existed', async () => {
      const topic = await createTopic();
      await send(records(topic, 20));
      const member = join(topic);
      await eventually(() =>
        expect(member.values.toSorted()).toEqual(
          records(topic, 20)
            .map(({ value }) => String(value))
            .toSorted(),
        ),
      );
    });

    it('answers in the order of the input, with rising offsets per partition', async () => {
      const topic = await createTopic();
      const list = records(topic, 200, (index) => `key-${index % 7}`);
      const results = await send(list);
      const next = new Map<number, number>();
      results.forEach(({ partition, offset }, index) => {
        expect(partition).toBe(partitionOf(list[index]?.key as Buffer, 3));
        const position = features.contiguous ? Number(offset) : rank(offset);
        const least = next.get(partition) ?? 0;
        expect(position).toBeGreaterThanOrEqual(least);
        expect(features.contiguous ? position : least).toBe(least);
        next.set(partition, position + 1);
      });
    });

    where(features.partitions)(
      'writes to the partition that the sender chose, and refuses one that is not there',
      async () => {
        const topic = await createTopic(2);
        const [chosen] = await send([record(topic, 'a', { key: 'any', partition: 1 })]);
        expect(chosen?.partition).toBe(1);
        const [refused] = await driver.send([record(topic, 'b', { partition: 2 })], Date.now() + 10_000);
        expect(refused).toBeInstanceOf(UnknownPartitionError);
      },
    );

    it('keeps the order of a key over many concurrent sends', async () => {
      const topic = await createTopic();
      const member = join(topic);
      const list = records(topic, 300, (index) => `key-${index % 10}`);
      await Promise.all(list.map((one) => send([one])));
      await eventually(() => expect(member.seen).toHaveLength(300));
      for (let key = 0; key < 10; key++) {
        const own = member.seen
          .filter((delivery) => String(delivery.key) === `key-${key}`)
          .map(({ value }) => Number(value));
        expect(own).toEqual(Array.from({ length: 30 }, (_, n) => n * 10 + key));
      }
    });

    it('gives every group all messages', async () => {
      const topic = await createTopic();
      const [first, second] = [join(topic), join(topic)];
      await send(records(topic, 50));
      await eventually(() => expect([first.seen.length, second.seen.length]).toEqual([50, 50]));
    });

    it('shares the messages between the members of a group, each to one', async () => {
      const topic = await createTopic(4);
      const groupId = unique('group');
      const first = join(topic, { groupId });
      await eventually(() => expect(first.assigned).toHaveLength(4));
      const second = join(topic, { groupId }, await open());
      await eventually(() => expect([first.assigned.length, second.assigned.length]).toEqual([2, 2]));
      await send(records(topic, 100, (index) => `key-${index}`));
      await eventually(() => expect([...first.values, ...second.values].toSorted()).toEqual(numbers(100)));
      expect(first.seen.length).toBeGreaterThan(0);
      expect(second.seen.length).toBeGreaterThan(0);
    });

    it('lets one member read several topics', async () => {
      const [a, b] = [await createTopic(), await createTopic()];
      const member = TestMember.join(driver, { topics: [a, b], groupId: unique('group') });
      await send([record(a, 'from a')]);
      await send([record(b, 'from b')]);
      await eventually(() => expect(member.values.toSorted()).toEqual(['from a', 'from b']));
    });

    it('redelivers a message whose handler failed, and what came after it', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      const failing = join(topic, { groupId, handle: ({ value }) => (String(value) === '2' ? RELEASE : ACK) });
      await send(records(topic, 5));
      await eventually(() => expect(failing.seen).toHaveLength(5));
      await close(driver);
      driver = await open();
      const next = join(topic, { groupId });
      await eventually(() => expect(next.values).toEqual(features.contiguous ? ['2', '3', '4'] : ['2']));
    });

    it('goes on after what was settled when the member comes back', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      const before = join(topic, { groupId });
      await send(records(topic, 5));
      await eventually(() => expect(before.settled).toHaveLength(5));
      await close(driver);
      driver = await open();
      const after = join(topic, { groupId });
      await send([record(topic, 'new')]);
      await eventually(() => expect(after.values).toEqual(['new']));
    });

    it('waits at close for the handler that runs, and settles it', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      const running = deferred();
      const slow = join(topic, { groupId, handle: () => running.promise.then(() => ACK) });
      await send(records(topic, 3));
      await eventually(() => expect(slow.seen).toHaveLength(1));
      const closing = close(driver);
      await eventually(() => expect(slow.assigned).toEqual([]));
      expect(slow.settled).toEqual([]);
      running.resolve();
      await closing;
      expect(slow.settled).toHaveLength(1);
      driver = await open();
      const next = join(topic, { groupId });
      await eventually(() => expect(next.values).toEqual(['1', '2']));
    });

    it('gives up at the deadline a handler that does not end, and its message comes again', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      const stuck = join(topic, { groupId, handle: () => new Promise(() => {}) });
      await send(records(topic, 2));
      await eventually(() => expect(stuck.seen).toHaveLength(1));
      await close(driver, 500);
      driver = await open();
      const next = join(topic, { groupId });
      await eventually(() => expect(next.values).toEqual(['0', '1']));
    });

    it('hands the messages of a member that closes to the others', async () => {
      const topic = await createTopic(4);
      const groupId = unique('group');
      const other = await open();
      const [leaving, staying] = [join(topic, { groupId }, other), join(topic, { groupId })];
      await eventually(() => expect([leaving.assigned.length, staying.assigned.length]).toEqual([2, 2]));
      await close(other);
      await eventually(() => expect(staying.assigned).toHaveLength(4));
      await send(records(topic, 40, (index) => `key-${index}`));
      await eventually(() => expect(staying.values.toSorted()).toEqual(numbers(40)));
    });

    it('writes outputs before the message counts as handled', async () => {
      const [topic, output] = [await createTopic(), await createTopic()];
      const results = join(output);
      join(topic, {
        handle: ({ value, key }) => ({
          kind: 'ack',
          outputs: [record(output, `done ${String(value)}`, { key: String(key) })],
        }),
      });
      await send([record(topic, 'task', { key: 'k' })]);
      await eventually(() => expect(results.values).toEqual(['done task']));
    });

    it('settles nothing when an output can never be written', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      let failure: unknown;
      const member = join(topic, { groupId });
      member.onDeliveries = (_partition, [delivery]) => {
        if (!delivery) return;
        const settling = member.subscription.settle(delivery, {
          kind: 'ack',
          outputs: [record(unique('nowhere'), 'x')],
        });
        Promise.resolve(settling).catch((error: unknown) => (failure = error));
      };
      await send([record(topic, 'task')]);
      await eventually(() => expect(failure).toBeInstanceOf(UnknownTopicError));
      await close(driver);
      driver = await open();
      const next = join(topic, { groupId });
      await eventually(() => expect(next.values).toEqual(['task']));
    });

    it('keeps headers: binary, empty, repeated', async () => {
      const topic = await createTopic();
      const member = join(topic);
      const binary = Buffer.from([0, 255, 128, 10]);
      const headers = [
        ['binary', binary],
        ['empty', Buffer.alloc(0)],
        ['twice', Buffer.from('a')],
        ['twice', Buffer.from('b')],
      ] as const;
      await send([record(topic, 'x', { headers })]);
      await eventually(() => expect(member.seen).toHaveLength(1));
      expect(member.seen[0]?.headers).toEqual(headers);
    });

    it('keeps a hundred headers, in their order', async () => {
      const topic = await createTopic();
      const member = join(topic);
      const headers = Array.from({ length: 100 }, (_, n) => [`header-${n}`, Buffer.from(`value ${n}`)] as const);
      await send([record(topic, 'x', { headers })]);
      await eventually(() => expect(member.seen[0]?.headers).toEqual(headers));
    });

    it('takes names, keys and values in any script', async () => {
      const name = unique('Ärger 東京 🚀');
      const topic = features.topicName?.test(name) === false ? unique('topic') : name;
      await driver.admin.create([{ topic, partitions: 3 }]);
      const member = join(topic, { groupId: unique('Größe 🎉') });
      await send([record(topic, 'größer 東', { key: 'schlüssel 🔑', headers: [['kopf-ä', Buffer.from('ü')]] })]);
      await eventually(() => expect(member.values).toEqual(['größer 東']));
      const [delivery] = member.seen as [Delivery];
      expect(String(delivery.key)).toBe('schlüssel 🔑');
      expect(delivery.headers.map(([header, value]) => [header, String(value)])).toEqual([['kopf-ä', 'ü']]);
    });

    it('begins at the end where it is told so, and only at its first time', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      await send(records(topic, 5));
      const late = join(topic, { groupId, from: 'latest' });
      await eventually(() => expect(late.assigned).toHaveLength(1));
      await eventually(async () => {
        await send([record(topic, 'new')]);
        expect(late.values.length).toBeGreaterThan(0);
      });
      expect(new Set(late.values)).toEqual(new Set(['new']));
      await eventually(() => expect(late.settled.length).toBe(late.seen.length));
      await close(driver);
      driver = await open();
      await send([record(topic, 'newer')]);
      const again = join(topic, { groupId, from: 'latest' });
      await eventually(() => expect(again.values.at(-1)).toBe('newer'));
      expect(again.values).not.toContain('0');
    });

    it('takes a second settlement of a message for what it is', async () => {
      const topic = await createTopic(1);
      const groupId = unique('group');
      const member = join(topic, { groupId });
      await send(records(topic, 3));
      await eventually(() => expect(member.settled).toHaveLength(3));
      const [first] = member.settled as [Delivery];
      await member.subscription.settle(first, ACK);
      await member.subscription.settle(first, RELEASE);
      await close(driver);
      driver = await open();
      const next = join(topic, { groupId });
      await send([record(topic, 'next')]);
      await eventually(() => expect(next.values).toEqual(['next']));
    });

    it('writes the outputs of a message once, though it is settled twice', async () => {
      const [topic, output] = [await createTopic(1), await createTopic(1)];
      const results = join(output);
      const outcome = { kind: 'ack' as const, outputs: [record(output, 'result')] };
      const member = join(topic, { handle: () => outcome });
      await send([record(topic, 'task')]);
      await eventually(() => expect(member.settled).toHaveLength(1));
      await member.subscription.settle(member.settled[0] as Delivery, outcome);
      await send([record(output, 'end')]);
      await eventually(() => expect(results.values).toEqual(['result', 'end']));
    });

    it('keeps the order of a partition, with keys and without', async () => {
      const topic = await createTopic(2);
      const member = join(topic);
      const list = records(topic, 200);
      await send(list.map((one, n) => ({ ...one, partition: n % 2, key: n % 3 ? one.key : Buffer.from('k') })));
      await eventually(() => expect(member.seen).toHaveLength(200));
      for (const index of [0, 1]) {
        const own = member.seen.filter(({ partition }) => partition.index === index).map(({ value }) => Number(value));
        expect(own).toEqual(Array.from({ length: 100 }, (_, n) => n * 2 + index));
      }
    });

    it('closes while it waits for messages, at once', async () => {
      const topic = await createTopic(1);
      const member = join(topic);
      await eventually(() => expect(member.assigned).toHaveLength(1));
      const started = Date.now();
      await close(driver);
      expect(Date.now() - started).toBeLessThan(3_000);
    });

    it('tells a tombstone from an empty value', async () => {
      const topic = await createTopic(1);
      const member = join(topic);
      await send([record(topic, null, { key: 'k' }), record(topic, '', { key: 'k' })]);
      await eventually(() => expect(member.seen).toHaveLength(2));
      expect(member.seen.map(({ value }) => value)).toEqual([null, Buffer.alloc(0)]);
    });

    it('names the topic that does not exist, within 5 s', async () => {
      const topic = unique('nowhere');
      const started = Date.now();
      const [result] = await driver.send([record(topic, 'x')], Date.now() + 30_000);
      expect(result).toBeInstanceOf(UnknownTopicError);
      expect((result as UnknownTopicError).message).toContain(topic);
      expect(Date.now() - started).toBeLessThan(5_000);
    });

    it('sends the good records of a call in which others fail', async () => {
      const topic = await createTopic();
      const results = await driver.send(
        [record(topic, 'a'), record(topic, Buffer.alloc(1_100_000)), record(topic, 'c')],
        Date.now() + 30_000,
      );
      expect(results[1]).toBeInstanceOf(MessageTooLargeError);
      expect(results.filter((result) => !(result instanceof MessagingError))).toHaveLength(2);
    });

    it('delivers a value of 900 kB', async () => {
      const topic = await createTopic();
      const member = join(topic);
      const value = Buffer.alloc(900_000, 'abc');
      await send([record(topic, value)]);
      await eventually(() => expect(member.seen[0]?.value?.equals(value)).toBe(true));
    });

    it('delivers nothing of a paused partition while it reads another, and all of it after the resume', async () => {
      const [topic, other] = [await createTopic(1), await createTopic(1)];
      const member = join(topic, { topics: [topic, other] });
      await eventually(() => expect(member.assigned).toHaveLength(2));
      await send([record(topic, 'first')]);
      await eventually(() => expect(member.values).toEqual(['first']));
      const paused = member.assigned.filter((partition) => partition.topic === topic);
      member.subscription.pause(paused);
      await delay(PAUSED_WITHIN_MS);
      await send(records(topic, 10));
      for (const later of ['beside', 'once more']) {
        await send([record(other, later)]);
        await eventually(() => expect(member.values.at(-1)).toBe(later));
      }
      expect(member.values).toEqual(['first', 'beside', 'once more']);
      member.subscription.resume(paused);
      await eventually(() =>
        expect(member.values.slice(3)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']),
      );
    });

    it('hands over at most maxPollRecords at once', async () => {
      const topic = await createTopic(1);
      await send(records(topic, 100));
      const sizes: number[] = [];
      const member = join(topic, { maxPollRecords: 7 });
      const original = member.onDeliveries.bind(member);
      member.onDeliveries = (partition, deliveries) => {
        sizes.push(deliveries.length);
        original(partition, deliveries);
      };
      await eventually(() => expect(member.seen).toHaveLength(100));
      expect(Math.max(...sizes)).toBe(7);
    });

    where(features.contiguous)(
      'hands over no more than maxUncommitted beyond the first unfinished message',
      async () => {
        const [topic, other] = [await createTopic(1), await createTopic(1)];
        const first = deferred();
        await send(records(topic, 60));
        const member = join(topic, { topics: [topic, other], maxUncommitted: 20, maxPollRecords: 5 });
        const handed: number[] = [];
        const beside: string[] = [];
        member.onDeliveries = (partition, deliveries) => {
          for (const delivery of deliveries) {
            if (partition.topic === other) {
              beside.push(String(delivery.value));
              continue;
            }
            handed.push(Number(delivery.value));
            void first.promise.then(() => member.subscription.settle(delivery, ACK));
            if (Number(delivery.value) > 0) void member.subscription.settle(delivery, ACK);
          }
        };
        await eventually(() => expect(handed).toHaveLength(20));
        for (const later of ['beside', 'once more']) {
          await send([record(other, later)]);
          await eventually(() => expect(beside.at(-1)).toBe(later));
        }
        expect(handed).toHaveLength(20);
        first.resolve();
        await eventually(() => expect(handed).toHaveLength(60));
      },
    );

    it('may be closed twice, and refuses to send afterwards', async () => {
      const topic = await createTopic();
      await close(driver);
      await close(driver);
      const [result] = await driver.send([record(topic, 'late')], Date.now() + 10_000);
      expect(result).toBeInstanceOf(ClosedError);
    });

    it('writes at close what was sent before', async () => {
      const topic = await createTopic();
      const sending = driver.send(records(topic, 500), Date.now() + 30_000);
      await close(driver);
      expect((await sending).filter((result) => result instanceof MessagingError)).toEqual([]);
      driver = await open();
      const member = join(topic);
      await eventually(() => expect(member.values.toSorted()).toEqual(numbers(500)));
    });

    it('creates topics once, and describes what is there', async () => {
      const topic = unique('made');
      await driver.admin.create([{ topic, partitions: 5 }]);
      await driver.admin.create([{ topic, partitions: 7 }]);
      expect(await driver.admin.describe([topic, unique('nowhere')])).toEqual([{ topic, partitions: 5 }]);
    });
  });
}

/** Where an entry id of Redis stands among the others of a test. */
function rank(offset: string): number {
  const [ms = 0, sequence = 0] = offset.split('-').map(Number);
  return (ms - 1_700_000_000_000) * 1_000 + sequence;
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index)).toSorted();
}
