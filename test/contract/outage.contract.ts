import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn, systemClock } from '../../lib/core/clock.js';
import type { Delivery } from '../../lib/core/delivery.js';
import { MessagingError } from '../../lib/core/errors.js';
import { ACK } from '../../lib/core/outcome.js';
import { driverFactory } from '../../lib/driver/driver.factory.js';
import type { Driver } from '../../lib/driver/driver.js';
import { resolveMessagingOptions } from '../../lib/options/messaging.options.js';
import type { ChaosBroker } from '../chaos/brokers.js';
import { deferred } from '../support/deferred.js';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { record, records } from '../support/records.js';
import { TestLog } from '../support/test-log.js';
import { unique } from '../support/unique.js';
import { TestMember, type MemberOptions } from './test-member.js';

/** Long enough for a broker to start again and a session to run out. */
const PATIENCE_MS = 45_000;

export interface OutageSubject {
  readonly name: string;
  /** A broker of this suite alone. */
  start(): Promise<ChaosBroker>;
}

/** What every driver keeps while its broker goes away and comes back. */
export function outageContract({ name, start }: OutageSubject): void {
  describe(`${name} driver, with a broker that goes away`, () => {
    const drivers: Driver[] = [];
    let broker: ChaosBroker;

    const open = async (): Promise<Driver> => {
      const { connections, broker: connection } = resolveMessagingOptions(broker.options, {});
      const settings = connections.get(connection);
      if (!settings) throw new Error(`there is no connection ${connection}`);
      const context = { connection, clock: systemClock, log: new TestLog(), onStatus: () => {} };
      const driver = await driverFactory.create(settings, context);
      await driver.connect();
      drivers.push(driver);
      return driver;
    };
    const join = (driver: Driver, topic: string, options: Partial<MemberOptions> = {}) =>
      TestMember.join(driver, { topics: [topic], groupId: unique('group'), ...options });
    const createTopic = async (driver: Driver, partitions = 3): Promise<string> => {
      const topic = unique('topic');
      await driver.admin.create([{ topic, partitions }]);
      return topic;
    };
    const refused = (results: readonly unknown[]) => results.filter((result) => result instanceof MessagingError);
    const distinct = (member: TestMember) => new Set(member.values).size;

    beforeAll(async () => {
      broker = await start();
    }, 120_000);

    afterEach(async () => {
      const deadline = deadlineIn(systemClock, 10_000);
      await Promise.all(drivers.splice(0).map((driver) => driver.close(deadline)));
      deadline.cancel();
    });

    afterAll(() => broker.stop());

    it('goes on after a restart in the midst of silence', async () => {
      const driver = await open();
      const topic = await createTopic(driver);
      const member = join(driver, topic);
      await eventually(() => expect(member.assigned).toHaveLength(3));
      await broker.restart();
      expect(refused(await driver.send([record(topic, 'after')], Date.now() + PATIENCE_MS))).toEqual([]);
      await eventually(() => expect(member.values).toContain('after'), PATIENCE_MS);
    }, 120_000);

    it('writes all that it was given while the broker restarts', async () => {
      const driver = await open();
      const topic = await createTopic(driver);
      const sending: Promise<readonly unknown[]>[] = [];
      const restarting = broker.restart();
      for (const one of records(topic, 500, (n) => `key-${n % 20}`)) {
        sending.push(driver.send([one], Date.now() + PATIENCE_MS));
        await new Promise(setImmediate);
      }
      await restarting;
      expect(refused((await Promise.all(sending)).flat())).toEqual([]);
      const member = join(driver, topic);
      await eventually(() => expect(distinct(member)).toBe(500), PATIENCE_MS);
    }, 120_000);

    it('loses nothing that is being handled while the broker restarts', async () => {
      const driver = await open();
      const topic = await createTopic(driver, 1);
      const groupId = unique('group');
      const gate = deferred();
      const member = join(driver, topic, { groupId, handle: () => gate.promise.then(() => ACK) });
      await driver.send(records(topic, 20), Date.now() + PATIENCE_MS);
      await eventually(() => expect(member.seen).toHaveLength(1));
      await broker.restart();
      gate.resolve();
      await eventually(() => expect(distinct(member)).toBe(20), PATIENCE_MS);
      await eventually(() => expect(new Set(member.settled.map(({ value }) => String(value))).size).toBe(20));
      const deadline = deadlineIn(systemClock, 10_000);
      await driver.close(deadline);
      deadline.cancel();
      const next = await open();
      await next.send([record(topic, 'next')], Date.now() + PATIENCE_MS);
      const after = join(next, topic, { groupId });
      await eventually(() => expect(after.values).toContain('next'), PATIENCE_MS);
    }, 120_000);

    it('hands what a member had that was killed to the others, and loses nothing', async () => {
      const driver = await open();
      const topic = await createTopic(driver);
      const groupId = unique('group');
      await driver.send(records(topic, 60), Date.now() + PATIENCE_MS);
      const env = { OPTIONS: JSON.stringify(broker.options), TOPIC: topic, GROUP: groupId };
      const doomed = Child.app('test/contract/doomed-member.ts', env);
      const [, had = ''] = /^has (\d+)$/.exec(await doomed.line(/^has \d+$/, PATIENCE_MS)) ?? [];
      const member = join(driver, topic, { groupId });
      await doomed.kill();
      await eventually(() => expect(distinct(member)).toBe(60), PATIENCE_MS);
      expect(member.values).toContain(had);
    }, 120_000);

    it('keeps all messages and the order of keys while its connections are cut, over and over', async () => {
      const driver = await open();
      const [topic, output] = [await createTopic(driver), await createTopic(driver)];
      const pass = ({ key, value }: Delivery) => ({
        kind: 'ack' as const,
        outputs: [record(output, value, { key: String(key) })],
      });
      join(driver, topic, { handle: pass });
      const results = join(await open(), output);
      const sending: Promise<readonly unknown[]>[] = [];
      for (const [n, one] of records(topic, 400, (at) => `key-${at % 10}`).entries()) {
        if (n % 100 === 50) broker.cut();
        sending.push(driver.send([one], Date.now() + PATIENCE_MS));
        if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(refused((await Promise.all(sending)).flat())).toEqual([]);
      await eventually(() => expect(distinct(results)).toBe(400), PATIENCE_MS);
      for (let key = 0; key < 10; key++) {
        const own = results.seen.filter((delivery) => String(delivery.key) === `key-${key}`);
        const first = [...new Set(own.map(({ value }) => Number(value)))];
        expect(first).toEqual(first.toSorted((a, b) => a - b));
      }
    }, 120_000);
  });
}
