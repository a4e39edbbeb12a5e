import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisServer } from '../../support/brokers/redis.js';
import { canSetClocks, ServerClock } from '../../support/brokers/server-clock.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { COUNT, Load } from './load.js';

const HOUR_MS = 3_600_000;

/** The server's own clock jumps, or is not ours; the clock of this process stays right. */
describe.runIf(canSetClocks && brokerAddress('redis') !== undefined)("a Redis server's clock", () => {
  let clock: ServerClock;
  let server: RedisServer;
  let load: Load;

  const aheadMs = async (): Promise<number> => Number((await load.client.time())[0]) * 1_000 - Date.now();
  const joinThree = async () => {
    for (let member = 0; member < 3; member++) await load.join();
  };

  beforeEach(async () => {
    clock = new ServerClock();
    server = await RedisServer.start(undefined, clock.env);
  });

  afterEach(async () => {
    await load.close();
    await server.stop();
    clock.remove();
  });

  it.each([
    ['back', -HOUR_MS, 1],
    ['forward', HOUR_MS, 1],
    ['back', -HOUR_MS, 4],
    ['forward', HOUR_MS, 4],
  ])(
    'that jumps %s an hour under load loses nothing and repeats no output (%i ms, %i partitions)',
    async (title, ms, partitions) => {
      load = await Load.open(server.url, { partitions });
      await joinThree();
      const sending = load.send(COUNT, 3_000);
      await delay(1_000);
      clock.jumpTo(ms);
      expect(Math.abs((await aheadMs()) - ms)).toBeLessThan(5_000);
      await sending;
      await load.complete(`the server's clock jumps ${title} an hour, ${partitions} partitions`);
    },
  );

  it.each([
    ['behind', -HOUR_MS],
    ['ahead of', HOUR_MS],
  ])('that is an hour %s ours keeps delays as long as they were told', async (title, ms) => {
    clock.jumpTo(ms);
    load = await Load.open(server.url);
    await joinThree();
    const began = Date.now();
    await load.send(COUNT, 0, () => ({ dueAt: began + 5_000 }));
    const early = load.runs;
    const sentMs = Date.now() - began;
    await load.complete(`server's clock an hour ${title} ours, delayed messages`);
    expect(sentMs < 5_000 ? early : 0).toBe(0);
    expect(Date.now() - began).toBeGreaterThanOrEqual(5_000);
    expect(load.runs).toBe(COUNT);
  });
});
