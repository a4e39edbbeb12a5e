import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { ACK } from '../../lib/core/outcome.js';
import type { Driver } from '../../lib/driver/driver.js';
import type { Reading } from '../../lib/driver/kafka/reading.js';
import { TestMember } from '../contract/test-member.js';
import { brokerAddress, kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { unique } from '../support/unique.js';
import { isLong, openDriver, tell, type Backend, type DriverSpec } from './support.js';

const HANDLER_MS = 150;
const PARTITIONS = 12;
const COUNT = isLong ? 4_000 : 800;

const backends = kafkaBackends();
const hasConfluent = backends.includes('confluent');
const address = brokerAddress('kafka') ?? '';

/** One member in a driver of its own, so that each can leave alone. */
interface Joined {
  readonly driver: Driver;
  readonly member: TestMember;
}

describe.runIf(backends.length > 0)('members of a group', () => {
  /** A topic, senders that fill it while members come and go, and members with slow handlers. */
  const underLoad = async (
    { open }: Drivers,
    script: (join: (backend: Backend, spec?: DriverSpec) => Promise<Joined>) => Promise<void>,
  ) => {
    const topic = unique('load');
    const groupId = unique('group');
    const sender = await open('kafkajs');
    await sender.admin.create([{ topic, partitions: PARTITIONS }]);
    const members: TestMember[] = [];
    const join = async (backend: Backend, spec?: DriverSpec): Promise<Joined> => {
      const driver = await open(backend, spec);
      const handle = async () => {
        await delay(HANDLER_MS);
        return ACK;
      };
      const member = TestMember.join(driver, { topics: [topic], groupId, handle });
      members.push(member);
      await eventually(() => expect(member.assigned.length).toBeGreaterThan(0), 30_000);
      return { driver, member };
    };
    const sending = (async () => {
      for (let next = 0; next < COUNT; next++) {
        await sender.send([record(topic, `m${next}`, { key: `k${next}` })], Date.now() + 30_000);
        await delay((HANDLER_MS / PARTITIONS) * 0.7);
      }
    })();
    await script(join);
    await sending;
    const seen = () => members.flatMap(({ values }) => values);
    await eventually(() => expect(new Set(seen()).size).toBe(COUNT), 60_000);
    const settled = members.flatMap((member) => member.settled).length;
    return { handled: seen().length, lost: COUNT - new Set(seen()).size, duplicates: seen().length - COUNT, settled };
  };

  const modes: readonly (readonly [string, Backend, DriverSpec])[] = [
    ['kafkajs', 'kafkajs', {}],
    ['confluent', 'confluent', {}],
    ['confluent, cooperative-sticky', 'confluent', { assignor: 'cooperative-sticky' }],
  ];

  it.concurrent.for(modes.filter(([, backend]) => backends.includes(backend)))(
    'handle each message once while a second and a third join: %s',
    { timeout: 120_000 },
    async ([title, backend, spec], { onTestFinished }) => {
      const result = await underLoad(new Drivers(onTestFinished), async (join) => {
        await join(backend, spec);
        await delay(2_000);
        await join(backend, spec);
        await delay(2_000);
        await join(backend, spec);
      });
      tell({ test: 'join-under-load', title, count: COUNT, ...result });
      expect(result).toMatchObject({ lost: 0, duplicates: 0 });
    },
  );

  it.runIf(hasConfluent).concurrent.for([
    ['kafkajs', 'confluent'],
    ['confluent', 'kafkajs'],
  ] as const)(
    'handle each message once while the backend changes from %s to %s',
    { timeout: 120_000 },
    async ([from, to], { onTestFinished }) => {
      const drivers = new Drivers(onTestFinished);
      const result = await underLoad(drivers, async (join) => {
        const first = await join(from);
        const second = await join(from);
        await delay(1_000);
        await join(to);
        await delay(1_000);
        await drivers.close(first.driver);
        await delay(1_000);
        await join(to);
        await delay(1_000);
        await drivers.close(second.driver);
      });
      tell({ test: 'rolling-switch', from, to, count: COUNT, ...result });
      expect(result).toMatchObject({ lost: 0, duplicates: 0 });
    },
  );

  it.concurrent.for(backends)(
    'keep their partitions while a handler runs for ten session timeouts: %s',
    { timeout: 60_000 },
    async (backend, { onTestFinished }) => {
      const { open } = new Drivers(onTestFinished);
      const topic = unique('long');
      const groupId = unique('group');
      const driver = await open(backend, { sessionTimeoutMs: 1_000, heartbeatIntervalMs: 300 });
      await driver.admin.create([{ topic, partitions: 2 }]);
      let rebalances = 0;
      const handle = async () => {
        await delay(10_000);
        return ACK;
      };
      const member = TestMember.join(driver, { topics: [topic], groupId, handle });
      const original = member.onAssigned.bind(member);
      member.onAssigned = (partitions) => {
        rebalances++;
        original(partitions);
      };
      await driver.send([record(topic, 'slow', { partition: 0 })], Date.now() + 10_000);
      await eventually(() => expect(member.settled).toHaveLength(1), 30_000);
      expect({ rebalances, handled: member.values, errors: member.errors }).toEqual({
        rebalances: 1,
        handled: ['slow'],
        errors: [],
      });
    },
  );

  it.concurrent.for(backends)(
    'are many in one process, and leave it its file system: %s',
    { timeout: 60_000 },
    async (backend, { onTestFinished }) => {
      const { open } = new Drivers(onTestFinished);
      const topic = unique('many');
      const driver = await open(backend);
      await driver.admin.create([{ topic, partitions: 2 }]);
      const members = Array.from({ length: 8 }, () =>
        TestMember.join(driver, { topics: [topic], groupId: unique('group') }),
      );
      await driver.send([record(topic, 'to all')], Date.now() + 10_000);
      await eventually(
        () => expect(members.map(({ values }) => values)).toEqual(members.map(() => ['to all'])),
        30_000,
      );
      const times: number[] = [];
      for (let read = 0; read < 21; read++) {
        const started = performance.now();
        await readFile('package.json');
        times.push(performance.now() - started);
      }
      expect(times.toSorted((a, b) => a - b)[10]).toBeLessThan(100);
    },
  );

  it.for(backends.flatMap((backend) => [[backend, 1] as const, [backend, 2] as const]))(
    'pause and resume a partition within 250 ms: %s, one of %i',
    { timeout: 60_000 },
    async ([backend, partitions], { onTestFinished }) => {
      const { open } = new Drivers(onTestFinished);
      const topic = unique('pause');
      const driver = await open(backend);
      await driver.admin.create([{ topic, partitions }]);
      const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
      await eventually(() => expect(member.assigned).toHaveLength(partitions));
      const paused = member.assigned.find(({ index }) => index === 0) as Reading;
      const counts = Array.from({ length: partitions }, () => 0);
      const original = member.onDeliveries.bind(member);
      member.onDeliveries = (partition, deliveries) => {
        counts[partition.index] = (counts[partition.index] ?? 0) + deliveries.length;
        original(partition, deliveries);
      };
      const fill = Array.from({ length: 750 * partitions }, (_, n) =>
        record(topic, 'x', { partition: n % partitions }),
      );
      const took: number[] = [];
      for (let round = 1; round <= 10; round++) {
        member.subscription.pause([paused]);
        await delay(250);
        const [before] = counts;
        await driver.send(fill, Date.now() + 10_000);
        await eventually(() => expect(paused.clientPaused).toBe(true)); // more came than may be fetched ahead
        await driver.send(fill, Date.now() + 10_000); // this will have to be fetched
        for (let witness = 1; witness < partitions; witness++)
          await eventually(() => expect(counts[witness]).toBe(round * 1_500));
        await delay(30 * round); // it falls anywhere into a fetch of the others
        expect(counts[0]).toBe(before);
        const started = performance.now();
        member.subscription.resume([paused]);
        await eventually(() => expect(counts[0]).toBe(round * 1_500));
        took.push(Math.round(performance.now() - started));
      }
      tell({ test: 'resume', backend, partitions, took });
      expect(took.toSorted((a, b) => a - b)[8]).toBeLessThan(250); // one of ten may meet a machine that stands still
    },
  );

  it.for(backends)(
    'get every message once and in order, however often they are paused: %s',
    { timeout: 60_000 },
    async (backend, { onTestFinished }) => {
      const { open } = new Drivers(onTestFinished);
      const topic = unique('flap');
      const driver = await open(backend);
      await driver.admin.create([{ topic, partitions: 1 }]);
      const member = TestMember.join(driver, { topics: [topic], groupId: unique('group'), maxPollRecords: 100 });
      await eventually(() => expect(member.assigned).toHaveLength(1));
      const { subscription, assigned } = member;
      const values = Array.from({ length: 20_000 }, (_, n) => `m${n}`);
      const sending = driver.send(
        values.map((value) => record(topic, value)),
        Date.now() + 30_000,
      );
      for (let turn = 0; member.seen.length < values.length; turn++) {
        subscription.pause(assigned);
        await delay(turn % 2 === 0 ? 40 : 1); // long enough for the client to be paused too, or not
        subscription.resume(assigned);
        await delay(turn % 5);
      }
      await sending;
      expect(member.values).toEqual(values);
    },
  );

  it.for(backends)(
    'read on after a rebalance that came while they were paused: %s',
    { timeout: 60_000 },
    async (backend, { onTestFinished }) => {
      const drivers = new Drivers(onTestFinished);
      const topic = unique('paused');
      const groupId = unique('group');
      const driver = await drivers.open(backend);
      await driver.admin.create([{ topic, partitions: 2 }]);
      const member = TestMember.join(driver, { topics: [topic], groupId });
      await eventually(() => expect(member.assigned).toHaveLength(2));
      member.subscription.pause(member.assigned);
      const many = Array.from({ length: 2_000 }, (_, n) => record(topic, `m${n}`, { partition: n % 2 }));
      await driver.send(many, Date.now() + 10_000);
      await delay(1_000); // more than may be fetched ahead has come: the client is paused too
      const other = await drivers.open(backend);
      const second = TestMember.join(other, { topics: [topic], groupId });
      await eventually(() => expect([member.assigned.length, second.assigned.length]).toEqual([1, 1]), 30_000);
      await drivers.close(other);
      await eventually(() => expect(new Set([...member.values, ...second.values]).size).toBe(2_000), 9_000);
    },
  );

  it.for(backends)(
    'are replaced when they stop reading without a word: %s',
    { timeout: 90_000 },
    async (backend, { onTestFinished }) => {
      const { open } = new Drivers(onTestFinished);
      const topic = unique('stall');
      const driver = await open(backend);
      await driver.admin.create([{ topic, partitions: 1 }]);
      const member = TestMember.join(driver, { topics: [topic], groupId: unique('group') });
      await driver.send([record(topic, 'before')], Date.now() + 10_000);
      await eventually(() => expect(member.values).toEqual(['before']));
      behindOurBack(member).pause([backend === 'kafkajs' ? { topic, partitions: [0] } : { topic, partition: 0 }]);
      await delay(500); // a fetch may be on its way
      await driver.send([record(topic, 'after')], Date.now() + 10_000);
      await eventually(() => expect(member.values).toEqual(['before', 'after']), 60_000);
      expect(member.errors.map(({ message }) => message)).toEqual([
        `Partition 0 of topic \`${topic}\` is not read although messages wait in it: its member is replaced.`,
      ]);
    },
  );
});

/** Drivers that end with their test. */
class Drivers {
  private readonly opened = new Set<Driver>();

  constructor(onTestFinished: (cleanUp: () => Promise<void>) => void) {
    onTestFinished(async () => void (await Promise.all([...this.opened].map((driver) => this.close(driver)))));
  }

  readonly open = async (backend: Backend, spec: DriverSpec = {}): Promise<Driver> => {
    const driver = await openDriver(backend, address, { autoCommitIntervalMs: 500, ...spec });
    this.opened.add(driver);
    return driver;
  };

  async close(driver: Driver): Promise<void> {
    this.opened.delete(driver);
    await driver.close(deadlineIn(systemClock, 20_000));
  }
}

/** The client under a member: what it does here, it has been seen to do by itself. */
function behindOurBack({ subscription }: TestMember): { pause(partitions: readonly object[]): void } {
  return (subscription as unknown as { member: { consumer: { pause(partitions: readonly object[]): void } } }).member
    .consumer;
}
