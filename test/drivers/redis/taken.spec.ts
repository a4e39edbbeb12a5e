import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { INestMicroservice } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ConsumerService,
  type LateEvent,
  type MessageContext,
  type MessageEvent,
  ProducerService,
  WorkerService,
} from '../../../lib/index.js';
import { workerOf } from '../../support/engine-app.js';
import { brokerAddress } from '../../support/brokers/with-broker.js';
import { deferred } from '../../support/deferred.js';
import { eventually } from '../../support/eventually.js';
import { startApp } from '../../support/test-app.js';
import { unique } from '../../support/unique.js';

const url = brokerAddress('redis') ?? '';

/** A member that was silent for a while finds out with its next heartbeat that others have claimed what it had. */
describe.runIf(url !== '')('Redis messages that another member has taken', () => {
  const apps: INestMicroservice[] = [];
  let client: Redis;
  let topic: string;
  let groupId: string;

  const open = async (
    process?: (n: number, context: MessageContext) => unknown,
    { claimIdleMs = 1_500, outputTopic = `${topic}-out` as string | undefined } = {},
  ): Promise<INestMicroservice> => {
    const options = { broker: 'redis', groupId, redis: { url, claimIdleMs } };
    const own = { topic, outputTopic, groupId };
    const { app } = await startApp({ options, providers: process ? [workerOf({ options: own, process })] : [] });
    apps.push(app);
    return app;
  };
  const send = (app: INestMicroservice, n: number) =>
    app.get(ProducerService).send({ topic, message: n, key: 'one-key' });
  /** As a member does whose claim finds messages idle for too long. */
  const steal = (...offsets: readonly string[]) => client.xclaim(topic, groupId, 'thief', 0, ...offsets);
  const stats = (app: INestMicroservice) => app.get(WorkerService).stats('Tasks');
  const owners = async () => {
    const rows = (await client.xpending(topic, groupId, '-', '+', 10)) as [id: string, owner: string][];
    return rows.map(([id, owner]) => `${id} ${owner}`);
  };

  beforeEach(async () => {
    client = new Redis(url, { protocol: 2 });
    topic = unique('taken');
    groupId = unique('group');
    await client.hset(`${topic}:meta`, 'partitions', '1');
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    client.disconnect();
  });

  it('end their handler through its signal, are not begun, leave no output, and are told', async () => {
    const told: string[] = [];
    const onTaken = (event: unknown) => {
      const { handler, topic: of, offset } = event as MessageEvent;
      told.push(`${handler} ${of} ${offset}`);
    };
    subscribe('messaging:taken', onTaken);
    const [entered, gate] = [deferred(), deferred()];
    const began: number[] = [];
    let signal: AbortSignal | undefined;
    const app = await open(async (n, context) => {
      began.push(n);
      if (n !== 1) return { done: n };
      signal = context.signal;
      entered.resolve();
      await gate.promise;
      return { done: n };
    });
    const sent = [await send(app, 1), await send(app, 2)];
    await entered.promise;
    await eventually(async () => expect(await owners()).toHaveLength(2));
    const offsets = sent.map(({ offset }) => offset);
    await steal(...offsets);
    await eventually(() => expect(signal?.aborted).toBe(true));
    gate.resolve();
    await send(app, 3);
    await eventually(async () => expect(await client.xlen(`${topic}-out`)).toBe(1));
    expect(began).toEqual([1, 3]);
    const [[, fields] = ['', []]] = await client.xrange(`${topic}-out`, '-', '+');
    expect(fields).toContain('{"done":3}');
    await eventually(async () => expect(await owners()).toEqual(offsets.map((offset) => `${offset} thief`)));
    unsubscribe('messaging:taken', onTaken);
    expect(told).toEqual(offsets.map((offset) => `Tasks ${topic} ${offset}`));
    expect(stats(app)).toMatchObject({ handled: 1, taken: 2, late: 0 });
  });

  it.each([
    ['outputs', (out: string) => out],
    ['no outputs', () => undefined],
  ])('and settled make an outcome with %s count for nothing, which is told', async (_what, outputOf) => {
    const told: unknown[] = [];
    const onLate = (event: unknown) => {
      const { handler, topic: of, partition, count } = event as LateEvent;
      told.push({ handler, topic: of, partition, count });
    };
    subscribe('messaging:late', onLate);
    const [entered, gate] = [deferred(), deferred()];
    const process = async (n: number) => {
      if (n === 1) entered.resolve();
      await gate.promise;
      return { done: n };
    };
    const outputTopic = outputOf(`${topic}-out`);
    const app = await open(process, { claimIdleMs: 60_000, outputTopic }); // no heartbeat notices it before
    const { offset } = await send(app, 1);
    await entered.promise;
    await steal(offset);
    await client.xack(topic, groupId, offset);
    gate.resolve();
    await eventually(() => expect(stats(app)).toMatchObject({ late: 1, taken: 0 }));
    unsubscribe('messaging:late', onLate);
    expect(told).toEqual([{ handler: 'Tasks', topic, partition: 0, count: 1 }]);
    expect(await client.xlen(`${topic}-out`)).toBe(0);
    await send(app, 2);
    await eventually(() => expect(stats(app)).toMatchObject({ handled: 2, late: 1 }));
    await app.close();
  });

  it('with their partition are told, and no outcome of them is written', async () => {
    const parted = unique('parted');
    await client.hset(`${parted}:meta`, 'partitions', '2');
    const [entered, gate] = [deferred(), deferred()];
    let signal: AbortSignal | undefined;
    const process = async (_n: number, context: MessageContext) => {
      signal = context.signal;
      entered.resolve();
      await gate.promise;
      return {};
    };
    topic = parted;
    const app = await open(process);
    await send(app, 1);
    await send(app, 2);
    await entered.promise;
    await eventually(() => expect(stats(app)).toMatchObject({ running: 1, queued: 1 }));
    await client.zadd(`${parted}:members:${groupId}`, Date.now() + 60_000, 'thief');
    await client.hset(`${parted}:leases:${groupId}`, '0', 'thief', '1', 'thief');
    await eventually(() => expect(stats(app)).toMatchObject({ taken: 2 }));
    expect(signal?.aborted).toBe(true);
    gate.resolve();
    await app.close();
    expect(stats(app)).toMatchObject({ handled: 0, taken: 2, late: 0 });
    expect(await client.xlen(`${parted}-out`)).toBe(0);
  });

  it('are no longer those of the stream that has them', async () => {
    const app = await open();
    const stream = await app.get(ConsumerService).open<number>({ topics: [topic], groupId, maxInFlight: 1 });
    const { offset } = await send(app, 1);
    const { value: message } = await stream.next();
    if (!message) throw new Error('no message');
    await steal(offset);
    await send(app, 2);
    const next = await stream.next(); // there is room for it as soon as the first is gone
    await expect(stream.ack(message)).rejects.toMatchObject({ code: 'STALE_DELIVERY' });
    expect(next.value?.value).toBe(2);
    expect(await owners()).toContain(`${offset} thief`);
    await stream.close();
  });
});
