import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn } from '../../../lib/core/clock.js';
import type { Delivery, Partition } from '../../../lib/core/delivery.js';
import {
  AuthenticationError,
  AuthorizationError,
  BrokerError,
  BrokerUnavailableError,
  MessagingError,
  UnknownTopicError,
} from '../../../lib/core/errors.js';
import { ACK } from '../../../lib/core/outcome.js';
import type { DriverStatus } from '../../../lib/driver/driver.js';
import { GroupConsumer } from '../../../lib/driver/kafka/group-consumer.js';
import type { Position, TopicPartition } from '../../../lib/driver/kafka/group-member.js';
import { kafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { TestMember } from '../../contract/test-member.js';
import { deferred } from '../../support/deferred.js';
import { FakeMember, FakeTransactions } from '../../support/fake-group-member.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { TestLog } from '../../support/test-log.js';

const TOPIC = 'orders';
const ONE: TopicPartition = { topic: TOPIC, partition: 0 };
const TWO: TopicPartition = { topic: TOPIC, partition: 1 };

/** Handles all that it is given at once. */
class Concurrent extends TestMember {
  override onDeliveries(partition: Partition, deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) super.onDeliveries({ ...partition }, [delivery]);
  }
}

describe('a membership in a group', () => {
  let clock: FakeClock;
  let members: FakeMember[];
  let statuses: DriverStatus['state'][];
  let ends: Position[];
  let sink: TestMember;
  let consumer: GroupConsumer;
  let nextFailure: Error | undefined;
  let nextJoin: Promise<void>;
  let log: TestLog;

  const current = () => members.at(-1) as FakeMember;
  const start = (member: TestMember = new TestMember({ topics: [TOPIC], groupId: 'g' }), topics = [TOPIC]) => {
    sink = member;
    consumer = new GroupConsumer({
      options: resolveOptions(kafkaOptions, { path: '', input: { autoCommitIntervalMs: 1_000 }, faults: [] }),
      context: {
        connection: 'kafka',
        clock,
        log,
        onStatus: ({ state }) => void statuses.push(state),
      },
      request: {
        groupId: 'g',
        topics: topics.map((topic) => ({
          topic,
          autoOffsetReset: 'earliest',
          maxUncommitted: 100_000,
          maxInFlight: 3,
        })),
        maxPollRecords: 500,
        drainTimeoutMs: 30_000,
      },
      sink,
      producer: { send: async () => [] },
      transactions: new FakeTransactions(),
      ends: async () => ends,
      createMember: (events) => {
        const made = new FakeMember(events);
        made.failure = nextFailure;
        made.joining = nextJoin;
        members.push(made);
        return made;
      },
      toMessagingError: (thrown) =>
        thrown instanceof MessagingError ? thrown : new BrokerUnavailableError((thrown as Error).message),
    });
    sink.subscription = consumer;
    consumer.start();
  };

  beforeEach(() => {
    clock = new FakeClock();
    members = [];
    statuses = [];
    ends = [];
    nextFailure = undefined;
    nextJoin = Promise.resolve();
    log = new TestLog();
  });

  afterEach(async () => {
    const stopping = consumer.stop(deadlineIn(clock, 1_000));
    await clock.advance(2_000);
    await stopping;
  });

  it('replaces a member that crashed, after a pause that grows, and tells the connection', async () => {
    start();
    await current().get([ONE]);
    current().events.onCrash(new Error('gone'));
    expect(statuses.at(-1)).toBe('down');
    expect(sink.assigned).toEqual([]);
    await clock.advance(249);
    expect(members).toHaveLength(1);
    await clock.advance(1);
    expect(members).toHaveLength(2);
    expect(members[0]?.hasLeft).toBe(true);
    current().events.onCrash(new Error('gone again'));
    await clock.advance(499);
    expect(members).toHaveLength(2);
    await clock.advance(1);
    await current().get([ONE]);
    expect(members).toHaveLength(3);
    expect(statuses.at(-1)).toBe('up');
    expect(sink.assigned).toHaveLength(1);
  });

  it('says once what keeps a member from reading, until it reads again', async () => {
    start();
    current().events.onAssigned([ONE]);
    for (let n = 0; n < 3; n++) current().events.onTrouble(new BrokerUnavailableError('no positions.'));
    expect(log.texts('warn')).toEqual(['no positions. It is tried again.']);
    current().fetch(ONE, 0, 1);
    current().events.onTrouble(new BrokerUnavailableError('no positions.'));
    expect(log.texts('warn')).toHaveLength(2);
  });

  it('is over when its member can never join', async () => {
    nextFailure = new AuthorizationError('forbidden');
    start();
    await clock.advance(120_000);
    expect(members).toHaveLength(1);
    expect(sink.errors).toEqual([nextFailure]);
  });

  it.each([
    ['its first login, which the connection had', false, new AuthenticationError('refused')],
    ['a login after it was a member', true, new AuthenticationError('refused')],
    ['the group after it was a member', true, new AuthorizationError('forbidden')],
  ])('tries again when a broker refuses %s', async (_, isMember, refusal) => {
    if (!isMember) nextFailure = refusal;
    start();
    if (isMember) {
      await current().get([ONE]);
      nextFailure = refusal;
      current().events.onCrash(new Error('the connection broke'));
    }
    await clock.advance(10_000);
    expect(sink.errors).toContain(refusal);
    nextFailure = undefined;
    await clock.advance(30_000);
    expect(current().hasLeft).toBe(false);
    await current().get([ONE]);
    expect(statuses.at(-1)).toBe('up');
  });

  it('is over when its topic never was there, and waits for one that was', async () => {
    nextFailure = new UnknownTopicError(TOPIC);
    start();
    await clock.advance(120_000);
    expect(members).toHaveLength(1);
    nextFailure = undefined;
    start();
    await current().get([ONE]);
    nextFailure = new UnknownTopicError(TOPIC);
    current().events.onCrash(new Error('its topic is gone'));
    await clock.advance(10_000);
    const gone = current();
    nextFailure = undefined;
    await clock.advance(30_000);
    expect([gone.hasLeft, current().hasLeft]).toEqual([true, false]);
    await current().get([ONE]);
    expect(sink.assigned).toHaveLength(1);
    expect(statuses.at(-1)).toBe('up');
  });

  it('replaces a member once that is outdated, when it crashes while what runs finishes', async () => {
    const running = deferred();
    const handle = async () => {
      await running.promise;
      return ACK;
    };
    start(new TestMember({ topics: [TOPIC], groupId: 'g', handle }));
    await current().get([ONE]);
    current().fetch(ONE, 0, 1);
    await settle();
    const replacing = current().events.onOutdated(new BrokerError('a topic is there again', { retryable: true }));
    current().events.onCrash(new Error('gone'));
    running.resolve();
    await clock.advance(40_000);
    await replacing;
    expect(members.map(({ hasLeft }) => hasLeft)).toEqual([true, false]);
  });

  it('replaces a member once that is outdated while its successor is on the way, after a crash or another such word', async () => {
    const outdated = new BrokerError('a topic is there again', { retryable: true });
    start();
    await current().get([ONE]);
    const [first] = members;
    first?.events.onCrash(new Error('gone'));
    await settle();
    await first?.events.onOutdated(outdated);
    await clock.advance(40_000);
    expect(members.map(({ hasLeft }) => hasLeft)).toEqual([true, false]);
    const leaving = deferred();
    const second = current();
    second.leave = () => leaving.promise.then(() => void (second.hasLeft = true));
    const replacing = second.events.onOutdated(outdated);
    await settle();
    await second.events.onOutdated(outdated);
    leaving.resolve();
    await replacing;
    expect(members.map(({ hasLeft }) => hasLeft)).toEqual([true, true, false]);
  });

  it('makes no second successor when the join of a member fails that was replaced meanwhile', async () => {
    const hanging = deferred();
    nextJoin = hanging.promise;
    start();
    await settle();
    nextJoin = Promise.resolve();
    await current().events.onOutdated(new BrokerError('a topic is there again', { retryable: true }));
    hanging.reject(new BrokerUnavailableError('the connection is closed'));
    await clock.advance(60_000);
    expect(members.map(({ hasLeft }) => hasLeft)).toEqual([true, false]);
  });

  it('says nothing of the connection when it is stopped while it joins', async () => {
    nextFailure = new BrokerUnavailableError('away');
    start();
    await consumer.stop(deadlineIn(clock, 1_000));
    await settle();
    expect(statuses).toEqual([]);
    expect(sink.errors).toEqual([]);
  });

  it('commits of other topics what it can while one is gone, and sends the position of that one once', async () => {
    const gone = { topic: 'payments', partition: 0 };
    start(undefined, [TOPIC, gone.topic]);
    await current().get([ONE, gone]);
    current().fetch(ONE, 0, 2);
    current().fetch(gone, 0, 3);
    await settle();
    current().gone.add(gone.topic);
    await clock.advance(1_000);
    expect(current().committed(0)).toBe('2');
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    current().gone.clear(); // another topic of that name
    await clock.advance(5_000);
    await consumer.stop(deadlineIn(clock, 1_000));
    expect(current().commits.filter(({ topic, offset }) => topic === gone.topic && offset === '3')).toEqual([]);
  });

  it('replaces a member that does not join within the rebalance timeout and a minute', async () => {
    start();
    await clock.advance(115_000);
    expect(members).toHaveLength(1);
    await clock.advance(20_000);
    expect(members).toHaveLength(2);
    expect(members[0]?.hasLeft).toBe(true);
  });

  it('replaces a member that stopped reading while messages wait, and nothing else', async () => {
    start();
    await current().get([ONE, TWO], 5);
    ends = [
      { ...ONE, offset: '5' },
      { ...TWO, offset: '5' },
    ];
    await clock.advance(60_000);
    expect(members).toHaveLength(1);
    ends = [
      { ...ONE, offset: '5' },
      { ...TWO, offset: '8' },
    ];
    await clock.advance(20_000);
    expect(members).toHaveLength(2);
    expect(sink.errors.map(({ message }) => message)).toEqual([
      'Partition 1 of topic `orders` is not read although messages wait in it: its member is replaced.',
    ]);
  });

  it('leaves alone a member whose handlers are full', async () => {
    start(new TestMember({ topics: [TOPIC], groupId: 'g', handle: () => new Promise(() => {}) }));
    await current().get([ONE]);
    current().fetch(ONE, 0, 3);
    consumer.pause(sink.assigned);
    ends = [{ ...ONE, offset: '1000' }];
    await clock.advance(60_000);
    expect(members).toHaveLength(1);
  });

  it('commits what is finished without a gap, and each position once', async () => {
    start();
    await current().get([ONE], 10);
    expect(current().committed()).toBe('10');
    current().fetch(ONE, 10, 5);
    await clock.advance(1_000);
    expect(current().committed()).toBe('15');
    const { length } = current().commits;
    await clock.advance(10_000);
    expect(current().commits).toHaveLength(length);
  });

  it('gives up some partitions and goes on with the others', async () => {
    start();
    await current().get([ONE, TWO]);
    current().fetch(ONE, 0, 3);
    current().fetch(TWO, 0, 4);
    await settle();
    await current().events.onRevoked([ONE]);
    expect(current().committed(0)).toBe('3');
    current().fetch(ONE, 3, 1);
    current().fetch(TWO, 4, 1);
    await settle();
    expect(sink.values).toEqual(['0/0', '1/0', '0/1', '1/1', '0/2', '1/2', '1/3', '1/4']);
  });

  it('commits again while the coordinator is busy with a rebalance', async () => {
    start();
    await current().get([ONE]);
    current().fetch(ONE, 0, 3);
    await settle();
    current().commitFailures = [new BrokerUnavailableError('rebalance in progress')];
    const revoked = current().events.onRevoked([ONE]);
    await clock.advance(200);
    await revoked;
    expect(current().committed()).toBe('3');
  });

  it('waits for what runs before it gives a partition up, and commits it', async () => {
    const running = deferred();
    start(new TestMember({ topics: [TOPIC], groupId: 'g', handle: () => running.promise.then(() => ACK) }));
    await current().get([ONE]);
    current().fetch(ONE, 0, 2);
    await settle();
    let isOver = false;
    const revoked = current()
      .events.onRevoked()
      .then(() => (isOver = true));
    await clock.advance(5_000);
    expect(isOver).toBe(false);
    running.resolve();
    await revoked;
    expect(current().committed()).toBe('1');
  });

  it('commits nothing of what it lost', async () => {
    start();
    await current().get([ONE]);
    current().fetch(ONE, 0, 3);
    await settle();
    current().events.onLost([ONE]);
    await clock.advance(5_000);
    expect(current().committed()).toBe('0');
  });

  /** Handles what it is given at once, when it is told to. */
  const startHeld = () => {
    const running: (() => void)[] = [];
    const handle = () => new Promise<typeof ACK>((resolve) => running.push(() => resolve(ACK)));
    start(new Concurrent({ topics: [TOPIC], groupId: 'g', handle }));
    return running;
  };
  const named = (index: number) => current().commits.findLast(({ partition }) => partition === index);
  const places = (deliveries: readonly Delivery[]) =>
    deliveries.map(({ partition, offset }) => `${partition.index}/${offset}`);

  it('runs a few messages of one partition after a death, and no others in the process, each written down before', async () => {
    const running = startHeld();
    await current().get([ONE, TWO], 0, 'v1;n=1;o=-;p=dead;');
    current().fetch(ONE, 0, 2);
    current().fetch(TWO, 0, 2);
    await settle();
    expect(places(sink.seen)).toEqual(['0/0', '0/1']);
    expect(named(0)).toMatchObject({ offset: '0', metadata: expect.stringContaining(';o=0-1;') as string });
    running[0]?.();
    await settle();
    expect(running).toHaveLength(2);
    running[1]?.();
    await settle();
    expect(places(sink.seen.slice(2))).toEqual(['1/0', '1/1']);
    expect(named(0)).toMatchObject({ offset: '2' });
    expect(named(1)).toMatchObject({ offset: '0', metadata: expect.stringContaining(';o=0-1;') as string });
    for (const end of running) end();
  });

  it('runs those one at a time among which a process died, each written down before', async () => {
    const running = startHeld();
    await current().get([ONE], 5, 'v1;n=2;o=5-7;p=dead,dead2;');
    current().fetch(ONE, 5, 3);
    for (const offset of ['5', '6', '7']) {
      await settle();
      expect(sink.seen.at(-1)).toMatchObject({ offset, deliveries: 1, isAlone: true });
      expect(running).toHaveLength(sink.seen.length);
      expect(named(0)).toMatchObject({ offset, metadata: expect.stringContaining(`;o=${offset};`) as string });
      running.at(-1)?.();
    }
  });

  it('trusts a partition again after as many messages as could be in flight at the death', async () => {
    const running = startHeld();
    await current().get([ONE], 0, 'v1;n=1;o=-;p=dead;');
    current().fetch(ONE, 0, 10);
    await settle();
    expect(running).toHaveLength(3);
    for (const end of running) end();
    await settle();
    expect(running).toHaveLength(10);
    for (const end of running) end();
    await consumer.stop(deadlineIn(clock, 1_000));
    expect(current().commits.at(-1)).toMatchObject({ offset: '10', metadata: 'v1;n=0;o=-;' });
  });

  it('says how often a message was delivered at which processes died', async () => {
    start();
    await current().get([ONE], 7, 'v1;n=5;o=7;p=dead;');
    current().fetch(ONE, 7, 2);
    await settle();
    expect(sink.seen.map(({ offset, deliveries }) => `${offset}: ${deliveries}`)).toEqual(['7: 5', '8: 1']);
  });
});
