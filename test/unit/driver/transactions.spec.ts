import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineIn } from '../../../lib/core/clock.js';
import type { Delivery } from '../../../lib/core/delivery.js';
import { BrokerUnavailableError, ClosedError, MessageTooLargeError, MessagingError } from '../../../lib/core/errors.js';
import { ACK, RELEASE, type Outcome } from '../../../lib/core/outcome.js';
import type { DeliverySink } from '../../../lib/driver/driver.js';
import { GroupConsumer } from '../../../lib/driver/kafka/group-consumer.js';
import type { Position, TopicPartition } from '../../../lib/driver/kafka/group-member.js';
import { kafkaOptions } from '../../../lib/options/kafka.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { FakeMember, FakeTransactions } from '../../support/fake-group-member.js';
import { record } from '../../support/records.js';
import { TestLog } from '../../support/test-log.js';

const TOPIC = 'orders';
const ONE: TopicPartition = { topic: TOPIC, partition: 0 };
const TWO: TopicPartition = { topic: TOPIC, partition: 1 };
const INTERVAL_MS = 100;
const HEARTBEAT_MS = 3_000;

describe('a member whose outcomes are written in transactions', () => {
  let clock: FakeClock;
  let broker: FakeTransactions;
  let members: FakeMember[];
  let seen: Delivery[];
  let lost: number;
  let consumer: GroupConsumer;
  /** What became of each outcome. */
  let ended: string[];

  const current = () => members.at(-1) as FakeMember;
  const sink: DeliverySink = {
    onAssigned: () => {},
    onDeliveries: (_, deliveries) => void seen.push(...deliveries),
    onRevoking: async () => {},
    onLost: () => void lost++,
    onTaken: () => {},
    onError: () => {},
  };
  const start = (isShared = false) => {
    broker = new FakeTransactions(isShared);
    consumer = new GroupConsumer({
      options: resolveOptions(kafkaOptions, { path: '', input: { autoCommitIntervalMs: 60_000 }, faults: [] }),
      context: { connection: 'kafka', clock, log: new TestLog(), onStatus: () => {} },
      request: {
        groupId: 'g',
        topics: [
          {
            topic: TOPIC,
            autoOffsetReset: 'earliest',
            maxUncommitted: 100_000,
            maxInFlight: 1_000,
            transactionIntervalMs: INTERVAL_MS,
          },
        ],
        maxPollRecords: 500,
        drainTimeoutMs: 30_000,
      },
      sink,
      producer: { send: async () => [] },
      transactions: broker,
      ends: async (): Promise<Position[]> => [],
      createMember: (events) => {
        const made = new FakeMember(events);
        members.push(made);
        return made;
      },
      toMessagingError: (thrown) =>
        thrown instanceof MessagingError ? thrown : new BrokerUnavailableError((thrown as Error).message),
    });
    consumer.start();
  };
  const find = (offset: number, partition = 0) =>
    seen.findLast((one) => one.offset === String(offset) && one.partition.index === partition) as Delivery;
  const decide = (offset: number, outcome?: Outcome, partition = 0) => {
    const output = record('results', `${partition}/${offset}`);
    const settled = consumer.settle(find(offset, partition), outcome ?? { kind: 'ack', outputs: [output] });
    void settled?.then(
      () => ended.push(`${offset} written`),
      (error: Error) => ended.push(`${offset} ${error.constructor.name}`),
    );
  };
  const read = async (count: number, first = 0) => {
    await current().get([ONE], first);
    current().fetch(ONE, first, count);
    await settle();
    broker.committedOnes.length = 0;
    broker.steps.length = 0;
  };

  beforeEach(() => {
    clock = new FakeClock();
    members = [];
    seen = [];
    ended = [];
    lost = 0;
  });

  afterEach(async () => {
    const stopping = consumer.stop(deadlineIn(clock, 1_000));
    await clock.advance(2_000);
    await stopping;
  });

  it('fences the earlier owner before it asks for positions, and keeps its first position in a transaction', async () => {
    start();
    current().events.onAssigned([ONE]);
    await current().events.onPositioning([ONE]);
    expect(broker.steps).toEqual(['open 0/orders', 'fence']);
    await current().events.onPositions([{ ...ONE, offset: '7', metadata: '' }]);
    expect(broker.committedOnes).toEqual([{ values: [], offsets: ['7'] }]);
    expect(current().commits).toEqual([]);
  });

  it('writes outcomes in the order of their messages, up to the first that is missing, once an interval', async () => {
    start();
    await read(4);
    for (const offset of [3, 1, 0]) decide(offset);
    await clock.advance(INTERVAL_MS - 1);
    expect(broker.committedOnes).toEqual([]);
    await clock.advance(1);
    expect(broker.committedOnes).toEqual([{ values: ['0/0', '0/1'], offsets: ['2'] }]);
    expect(ended).toEqual(['0 written', '1 written']);
    decide(2);
    await clock.advance(INTERVAL_MS);
    expect(broker.committedOnes[1]).toEqual({ values: ['0/2', '0/3'], offsets: ['4'] });
  });

  it('takes dead letters, parked retries and messages without an output into the same transaction', async () => {
    start();
    await read(3);
    decide(0, { kind: 'deadLetter', record: record('dead', 'letter') });
    decide(1, ACK);
    decide(2, { kind: 'retryLater', record: record('retry', 'parked'), dueAt: 0 });
    await clock.advance(INTERVAL_MS);
    expect(broker.committedOnes).toEqual([{ values: ['letter', 'parked'], offsets: ['3'] }]);
  });

  it('writes at once what a full partition waits for', async () => {
    start();
    await read(2);
    decide(0);
    consumer.pause([find(0).partition]);
    await clock.advance(1);
    expect(broker.values).toEqual(['0/0']);
  });

  it('writes the same again after an error, once it has fenced and found the group where it was', async () => {
    start();
    await read(2);
    broker.faults.push('other');
    decide(0);
    await clock.advance(INTERVAL_MS);
    expect(broker.committedOnes).toEqual([]);
    decide(1);
    await clock.advance(INTERVAL_MS * 2);
    expect(broker.steps).toEqual(['fence', 'read']);
    expect(broker.committedOnes).toEqual([{ values: ['0/0', '0/1'], offsets: ['2'] }]);
    expect(seen).toHaveLength(2);
  });

  it('writes nothing again when only the answer was lost', async () => {
    start();
    await read(1);
    broker.faults.push('late');
    decide(0);
    await clock.advance(INTERVAL_MS * 3);
    expect(broker.values).toEqual(['0/0']);
    expect(ended).toEqual(['0 written']);
  });

  it('gives everything back, and joins anew, when the group is elsewhere', async () => {
    start();
    await read(2);
    broker.faults.push('other');
    decide(0);
    await clock.advance(INTERVAL_MS);
    broker.positions.set('0/orders', '1000');
    await clock.advance(INTERVAL_MS * 2);
    expect(ended).toEqual(['0 ClosedError']);
    expect(broker.values).toEqual([]);
    expect(lost).toBeGreaterThan(0);
    await clock.advance(1_000);
    expect(members).toHaveLength(2);
  });

  it('does not fence again for a heartbeat after it was fenced, and not at all when its partitions are taken from it', async () => {
    start();
    await read(2);
    broker.faults.push('fenced');
    decide(0);
    await clock.advance(INTERVAL_MS + HEARTBEAT_MS - 1);
    expect(broker.steps).toEqual([]);
    await current().events.onRevoked();
    await clock.advance(HEARTBEAT_MS * 2);
    expect(broker.steps).toEqual(['close 0/orders']);
    expect(broker.values).toEqual([]);
    expect(ended).toEqual(['0 ClosedError']);
  });

  it('goes on after a heartbeat when it was fenced and is still a member', async () => {
    start();
    await read(1);
    broker.faults.push('fenced');
    decide(0);
    await clock.advance(INTERVAL_MS + HEARTBEAT_MS + 1);
    expect(broker.values).toEqual(['0/0']);
    expect(ended).toEqual(['0 written']);
  });

  it('finds the record that can never be written, and takes what is decided instead', async () => {
    start();
    await read(4);
    broker.poison = '0/2';
    for (const offset of [0, 1, 2, 3]) decide(offset);
    await clock.advance(INTERVAL_MS * 5);
    expect(broker.values).toEqual(['0/0', '0/1']);
    expect(ended).toEqual(['0 written', '1 written', `2 ${MessageTooLargeError.name}`]);
    decide(2, { kind: 'deadLetter', record: record('dead', 'letter') });
    await clock.advance(INTERVAL_MS * 5);
    expect(broker.values).toEqual(['0/0', '0/1', 'letter', '0/3']);
  });

  it('refuses a record over the limit at once, without a transaction', async () => {
    start();
    await read(1);
    decide(0, { kind: 'ack', outputs: [record('results', 'x'.repeat(2_000_000))] });
    await settle();
    expect(ended).toEqual([`0 ${MessageTooLargeError.name}`]);
    await clock.advance(INTERVAL_MS * 2);
    expect(broker.committedOnes).toEqual([]);
  });

  it('drops what lies behind a message that is given back, and writes what lies before it', async () => {
    start();
    await read(3);
    decide(2);
    decide(1, RELEASE);
    decide(0);
    await clock.advance(INTERVAL_MS);
    expect(broker.values).toEqual(['0/0']);
    expect(ended).toEqual([`2 ${ClosedError.name}`, '0 written']);
  });

  it('writes what is held before it gives a partition up, and ends its transactions', async () => {
    start();
    await read(2);
    decide(0);
    decide(1);
    await current().events.onRevoked();
    expect(broker.values).toEqual(['0/0', '0/1']);
    expect(broker.steps.at(-1)).toBe('close 0/orders');
  });

  it('writes the partitions of one producer together', async () => {
    start(true);
    await current().get([ONE, TWO]);
    current().fetch(ONE, 0, 1);
    current().fetch(TWO, 0, 1);
    await settle();
    broker.committedOnes.length = 0;
    decide(0, undefined, 0);
    decide(0, undefined, 1);
    await clock.advance(INTERVAL_MS);
    expect(broker.committedOnes).toHaveLength(1);
    expect(broker.values.toSorted()).toEqual(['0/0', '1/0']);
  });

  it('names a message that may kill the process in a transaction before it starts, with the outcome of the one before', async () => {
    start();
    await current().get([ONE], 5, 'v1;n=4;o=5-7;p=dead;');
    current().fetch(ONE, 5, 3);
    await settle();
    expect(seen.map(({ offset, deliveries }) => `${offset}: ${deliveries}`)).toEqual(['5: 1']);
    expect(broker.committedOnes.at(-1)).toEqual({ values: [], offsets: ['5'] });
    const before = broker.committedOnes.length;
    for (const offset of [5, 6]) {
      decide(offset);
      await clock.advance(1);
      await settle();
    }
    expect(broker.committedOnes.slice(before)).toEqual([
      { values: ['0/5'], offsets: ['6'] },
      { values: ['0/6'], offsets: ['7'] },
    ]);
    expect(broker.metadata.slice(-2)).toEqual([expect.stringContaining('o=6;'), expect.stringContaining('o=7;')]);
    expect(seen.map(({ offset }) => offset)).toEqual(['5', '6', '7']);
  });

  it('counts deaths of the process for a message that was named alone', async () => {
    start();
    await current().get([ONE], 5, 'v1;n=4;o=5;p=dead;');
    current().fetch(ONE, 5, 1);
    await settle();
    expect(seen.map(({ offset, deliveries }) => `${offset}: ${deliveries}`)).toEqual(['5: 4']);
  });

  it('starts no other suspect before the outcome of the one before is written', async () => {
    start();
    await current().get([ONE], 5, 'v1;n=4;o=5;p=dead;');
    current().fetch(ONE, 5, 2);
    await settle();
    broker.faults.push('other');
    decide(5);
    await clock.advance(1);
    await settle();
    expect(seen.map(({ offset }) => offset)).toEqual(['5']);
    await clock.advance(INTERVAL_MS * 2);
    expect(broker.values).toEqual(['0/5']);
    expect(seen.map(({ offset }) => offset)).toEqual(['5', '6']);
  });
});
