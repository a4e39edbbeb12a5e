import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import { OffsetResetError } from '../../lib/core/offset-reset.error.js';
import type { Driver } from '../../lib/driver/driver.js';
import { moveGroup } from '../../lib/driver/kafkajs/move-group.js';
import { TestMember, type MemberOptions } from '../contract/test-member.js';
import { API, readJoinGroup, TappedKafka, type WireTap } from '../support/brokers/wire-tap.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { eventually } from '../support/eventually.js';
import { records } from '../support/records.js';
import { unique } from '../support/unique.js';
import { openDriver, type DriverSpec } from './support.js';

const backends = kafkaBackends();

describe.runIf(backends.length > 0)('a setting', () => {
  let kafka: TappedKafka;
  beforeAll(async () => {
    kafka = await TappedKafka.start(backends);
  });
  afterAll(() => kafka?.stop());

  const client = () => new Kafka({ brokers: [kafka.direct], logLevel: logLevel.NOTHING });
  const asAdmin = async <T>(ask: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> => {
    const admin = client().admin();
    await admin.connect();
    try {
      return await ask(admin);
    } finally {
      await admin.disconnect();
    }
  };

  describe.each(backends)('of a member: %s', (backend) => {
    const tap = (): WireTap => kafka.tap(backend);
    const use = async <T>(spec: DriverSpec, work: (driver: Driver) => Promise<T>): Promise<T> => {
      const driver = await openDriver(backend, kafka.address(backend), { autoCommitIntervalMs: 100, ...spec });
      try {
        return await work(driver);
      } finally {
        await driver.close(deadlineIn(systemClock, 10_000));
      }
    };
    const newTopic = async (driver: Driver, count = 0, partitions = 1): Promise<string> => {
      const topic = unique('settings');
      await driver.admin.create([{ topic, partitions }]);
      await send(driver, topic, count);
      return topic;
    };
    const send = (driver: Driver, topic: string, count: number) =>
      driver.send(records(topic, count), Date.now() + 20_000);
    const join = (driver: Driver, topic: string, groupId: string, options: Partial<MemberOptions> = {}) =>
      TestMember.join(driver, { topics: [topic], groupId, ...options });
    const joined = async (spec: DriverSpec) =>
      use(spec, async (driver) => {
        const groupId = unique('group');
        const member = join(driver, await newTopic(driver), groupId);
        await eventually(() => expect(member.assigned).toHaveLength(1));
        return tap().of(API.joinGroup, groupId).map(readJoinGroup).at(-1);
      });

    it('sessionTimeoutMs, maxPollIntervalMs: the group is told them', async () => {
      expect(
        await joined({ sessionTimeoutMs: 7_700, heartbeatIntervalMs: 1_000, maxPollIntervalMs: 33_000 }),
      ).toMatchObject({
        sessionTimeoutMs: 7_700,
        rebalanceTimeoutMs: 33_000,
        groupInstanceId: null,
      });
    });

    it.for(backend === 'kafkajs' ? (['roundrobin'] as const) : (['roundrobin', 'cooperative-sticky'] as const))(
      'assignor: the member brings %s',
      async (assignor) => {
        expect(await joined({ assignor })).toMatchObject({ assignors: [assignor] });
      },
    );

    it('heartbeatIntervalMs: a member tells that it lives so often', async () => {
      const beats = (heartbeatIntervalMs: number) =>
        use({ heartbeatIntervalMs, sessionTimeoutMs: 6_000 }, async (driver) => {
          const groupId = unique('group');
          const member = join(driver, await newTopic(driver), groupId);
          await eventually(() => expect(member.assigned).toHaveLength(1));
          const before = tap().of(API.heartbeat, groupId).length;
          await delay(2_100); // the time in which beats are counted
          return tap().of(API.heartbeat, groupId).length - before;
        });
      const [often, seldom] = await Promise.all([beats(250), beats(2_000)]);
      expect(often).toBeGreaterThanOrEqual(4);
      expect(seldom).toBeLessThanOrEqual(2);
    });

    it('autoCommitIntervalMs: positions are committed so often while messages come', async () => {
      const commits = (autoCommitIntervalMs: number) =>
        use({ autoCommitIntervalMs }, async (driver) => {
          const [topic, groupId] = [await newTopic(driver), unique('group')];
          const member = join(driver, topic, groupId);
          await eventually(() => expect(member.assigned).toHaveLength(1));
          for (let n = 1; n <= 20; n++) {
            await send(driver, topic, 1);
            await eventually(() => expect(member.settled).toHaveLength(n));
            await delay(60);
          }
          return tap().of(API.offsetCommit, groupId).length;
        });
      expect(await commits(150)).toBeGreaterThanOrEqual(4);
      expect(await commits(60_000)).toBeLessThanOrEqual(1); // that of the assignment
    });

    it('autoOffsetReset: a group without a position begins at the earliest message, or behind the latest', async () => {
      await use({}, async (driver) => {
        const topic = await newTopic(driver, 3);
        const first = join(driver, topic, unique('group'), { from: 'earliest' });
        const last = join(driver, topic, unique('group'), { from: 'latest' });
        await eventually(() => expect([first.settled.length, last.assigned.length]).toEqual([3, 1]));
        await eventually(async () => {
          await send(driver, topic, 1);
          expect(last.seen.length).toBeGreaterThan(0);
        });
        expect(Number(last.seen[0]?.offset)).toBeGreaterThanOrEqual(3);
      });
    });

    it('autoOffsetReset: none ends a member of a group without a position, and says where', async () => {
      await use({}, async (driver) => {
        const [topic, groupId] = [await newTopic(driver, 3), unique('group')];
        const member = join(driver, topic, groupId, { from: 'none' });
        await eventually(() => expect(member.errors).toHaveLength(1));
        expect(member.errors[0]).toBeInstanceOf(OffsetResetError);
        expect(member.errors[0]).toMatchObject({ groupId, topic, partition: 0, position: undefined, start: 0, end: 3 });
        expect(member.errors[0]?.message).toBe(
          `Group \`${groupId}\` has no position in partition 0 of topic \`${topic}\`, whose log goes from 0 to 3, and \`autoOffsetReset\` is \`none\`. Move it with \`messaging kafka group seek\`, or choose \`earliest\` or \`latest\`.`,
        );
        expect(member.seen).toEqual([]);
        await eventually(async () => expect(await membersOf(groupId)).toBe(0));
      });
    });

    const refused = [{}, { groupInstanceId: 'one' }, { assignor: 'cooperative-sticky' }] as const;
    it.for(backend === 'confluent' ? refused : [])(
      'maxDecompressedBytes: nothing is fetched of a topic that is refused: %o',
      async (spec) => {
        await use(
          { maxDecompressedBytes: 5_000_000, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500, ...spec },
          async (driver) => {
            const [topic, groupId] = [await newTopic(driver, 3), unique('group')];
            const known = tap().requests.length;
            const member = join(driver, topic, groupId);
            await eventually(() => expect(member.errors).toMatchObject([{ code: 'UNBOUNDED_TOPIC' }]));
            const told = Date.now();
            const left = 'groupInstanceId' in spec ? 1 : 0; // a static member stays until its session ends
            await eventually(async () => expect(await membersOf(groupId)).toBe(left));
            expect(Date.now() - told).toBeLessThan(3_000);
            await delay(1_000);
            expect(
              tap()
                .requests.slice(known)
                .filter(({ api }) => api === API.fetch),
            ).toEqual([]);
          },
        );
      },
    );

    it('autoOffsetReset: none goes on where the group is', async () => {
      await use({}, async (driver) => {
        const [topic, groupId] = [await newTopic(driver, 3), unique('group')];
        await moved(groupId, topic, 1);
        const member = join(driver, topic, groupId, { from: 'none' });
        await eventually(() => expect(member.seen.map(({ offset }) => offset)).toEqual(['1', '2']));
      });
    });

    /** A group at 2 of nine messages, of which the log then loses the first five. */
    const lostPosition = async (driver: Driver) => {
      const [topic, groupId] = [await newTopic(driver, 9), unique('group')];
      await moved(groupId, topic, 2);
      await asAdmin(async (admin) => {
        await admin.fetchTopicOffsets(topic); // kafkajs deletes nothing of a topic that it has not looked at
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '5' }] });
      });
      return { topic, groupId };
    };

    it('autoOffsetReset: none ends a member whose position the log has lost, and leaves the position', async () => {
      await use({}, async (driver) => {
        const { topic, groupId } = await lostPosition(driver);
        const member = join(driver, topic, groupId, { from: 'none' });
        await eventually(() => expect(member.errors).toHaveLength(1));
        expect(member.errors[0]).toMatchObject({ topic, partition: 0, position: 2, start: 5, end: 9 });
        expect(await positionOf(groupId, topic)).toBe('2');
      });
    });

    it.for([
      ['earliest', ['5', '6', '7', '8']],
      ['latest', []],
    ] as const)('autoOffsetReset: a position that the log has lost is replaced: %s', async ([from, offsets]) => {
      await use({}, async (driver) => {
        const { topic, groupId } = await lostPosition(driver);
        const member = join(driver, topic, groupId, { from });
        await eventually(async () => expect(await positionOf(groupId, topic)).toBe('9'));
        expect(member.seen.map(({ offset }) => offset)).toEqual(offsets);
      });
    });

    it.for(backend === 'confluent' ? ['two'] : [])(
      'groupInstanceId: a process that comes back within its session keeps its partitions, and nobody else notices',
      async (groupInstanceId) => {
        const spec = { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 200 };
        await use({ ...spec, groupInstanceId: 'one' }, async (driver) => {
          const [topic, groupId] = [await newTopic(driver, 0, 2), unique('group')];
          const first = join(driver, topic, groupId);
          await eventually(() => expect(first.assigned).toHaveLength(2));
          const assignments = () => first.assigned.map(({ index }) => index);
          await use({ ...spec, groupInstanceId }, async (other) => {
            const second = join(other, topic, groupId);
            await eventually(() => expect([first.assigned.length, second.assigned.length]).toEqual([1, 1]), 20_000);
            await send(driver, topic, 50);
            await eventually(() => expect(second.settled.length).toBeGreaterThan(0));
          });
          const [before] = first.assigned;
          await use({ ...spec, groupInstanceId }, async (again) => {
            const third = join(again, topic, groupId);
            await eventually(() => expect(third.assigned).toHaveLength(1));
            expect(assignments()).toEqual([before?.index]);
            expect(first.assigned[0]).toBe(before);
          });
          expect(tap().of(API.leaveGroup, groupId)).toEqual([]);
          expect(
            tap()
              .of(API.joinGroup, groupId)
              .map(readJoinGroup)
              .map((one) => one.groupInstanceId),
          ).toContain(groupInstanceId);
        });
      },
    );

    it.for(backend === 'kafkajs' ? ['paused'] : [])('a broker is to answer soon after a partition was %s', async () => {
      await use({}, async (driver) => {
        const topic = await newTopic(driver, 0, 2);
        const member = join(driver, topic, unique('group'));
        const waits = () =>
          tap()
            .of(API.fetch, topic)
            .map(({ body }) => body.readInt32BE(4));
        await eventually(() => expect(waits().at(-1)).toBe(100));
        expect(new Set(waits())).toEqual(new Set([100]));
        member.subscription.pause(member.assigned.filter(({ index }) => index === 0));
        const more = records(topic, 750).map((one) => ({ ...one, partition: 0 })); // than is fetched ahead
        await driver.send(more, Date.now() + 20_000);
        await eventually(() => expect(waits()).toContain(20));
        await eventually(() => expect(waits().at(-1)).toBe(100)); // it is not likely any more that it goes on
      });
    });

    it('native: a setting of the client library reaches it', async () => {
      const [kafkajs, confluent] = [{ maxBytesPerPartition: 54_321 }, { 'max.partition.fetch.bytes': 54_321 }];
      await use({ native: backend === 'kafkajs' ? kafkajs : confluent }, async (driver) => {
        const topic = await newTopic(driver, 1);
        const member = join(driver, topic, unique('group'));
        await eventually(() => expect(member.settled).toHaveLength(1));
        const bytes = Buffer.alloc(4);
        bytes.writeInt32BE(54_321);
        const fetches = tap().requests.filter(({ api, body }) => api === API.fetch && body.includes(bytes));
        expect(fetches.length).toBeGreaterThan(0);
      });
    });
  });

  const positionOf = (groupId: string, topic: string) =>
    asAdmin(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return found?.partitions[0]?.offset;
    });
  const membersOf = (groupId: string) =>
    asAdmin(async (admin) => (await admin.describeGroups([groupId])).groups[0]?.members.length);
  const moved = (groupId: string, topic: string, offset: number) =>
    moveGroup(client(), groupId, topic, [{ partition: 0, offset: String(offset) }]);
});
