import type { INestMicroservice } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type MessageStream,
  type MessagingOptions,
  ConsumerService,
  ProducerService,
  StaleDeliveryError,
  type StreamMessage,
  type StreamOptions,
} from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { startApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';

export interface StreamSubject {
  readonly name: string;
  /** Options whose default connection is the live broker; the apps of one test share it. */
  options(): MessagingOptions;
}

/** What reading by hand keeps, on every broker. */
export function streamContract({ name, options }: StreamSubject): void {
  describe(`a stream on ${name}`, () => {
    const apps: INestMicroservice[] = [];
    let shared: MessagingOptions;
    let app: INestMicroservice;
    let topic: string;
    let groupId: string;

    const start = async (): Promise<INestMicroservice> => {
      const started = await startApp({ options: shared });
      apps.push(started.app);
      return started.app;
    };
    const streams: MessageStream<number>[] = [];
    const open = async (own: Partial<StreamOptions> = {}, from = app): Promise<MessageStream<number>> => {
      const request = { topics: [topic], groupId, initialDelayMs: 50, ...own };
      const stream = await from.get(ConsumerService).open<number>(request);
      streams.push(stream);
      return stream;
    };
    const send = (...values: unknown[]) => app.get(ProducerService).sendBatch({ topic, key: 'k', messages: values });
    const take = async (stream: MessageStream<number>, count: number): Promise<StreamMessage<number>[]> => {
      const taken: StreamMessage<number>[] = [];
      while (taken.length < count) taken.push((await stream.next()).value as StreamMessage<number>);
      return taken;
    };
    const values = (messages: readonly StreamMessage<number>[]) => messages.map(({ value }) => value);

    beforeEach(async () => {
      shared = options();
      topic = unique('events');
      groupId = unique('group');
      app = await start();
    });

    afterEach(async () => {
      await Promise.all(streams.splice(0).map((stream) => stream.close()));
      await Promise.all(apps.splice(0).map((one) => one.close()));
    });

    it('yields messages in the order of the log, with all that belongs to them', async () => {
      const stream = await open();
      const [sent] = await app
        .get(ProducerService)
        .sendBatch({ topic, key: 'k', messages: [1, 2, 3], headers: { own: 'x' }, timestamp: 1_700_000_000_000 });
      const messages = await take(stream, 3);
      expect(values(messages)).toEqual([1, 2, 3]);
      const [first] = messages as [StreamMessage<number>];
      const { key, partition, offset, timestamp, attempt, deliveries } = first;
      expect({ topic: first.topic, key, partition, offset, timestamp, attempt, deliveries }).toEqual({
        ...sent,
        key: 'k',
        timestamp: 1_700_000_000_000,
        attempt: 1,
        deliveries: 1,
      });
      expect(first.headers.get('own')).toBe('x');
      for (const message of messages) await stream.ack(message);
    });

    it('gives back what was not acknowledged when its loop is left', async () => {
      await open().then(async (stream) => {
        await send(1, 2, 3, 4);
        for await (const message of stream) {
          if (message.value === 3) break;
          await stream.ack(message);
        }
      });
      const next = await open();
      expect(values(await take(next, 2))).toEqual([3, 4]);
    });

    it('gives back what was not acknowledged when its loop throws, or it is closed', async () => {
      const stream = await open();
      await send(1, 2);
      const loop = async () => {
        for await (const message of stream) {
          if (message.value === 2) throw new Error('enough');
          await stream.ack(message);
        }
      };
      await expect(loop()).rejects.toThrow('enough');
      const second = await open();
      expect(values(await take(second, 1))).toEqual([2]);
      await second.close();
      await second.close();
      expect((await second.next()).done).toBe(true);
      const third = await open();
      expect(values(await take(third, 1))).toEqual([2]);
    });

    it('yields again, later, what was given back', async () => {
      const stream = await open();
      await send(1, 2);
      const [first, second] = (await take(stream, 2)) as [StreamMessage<number>, StreamMessage<number>];
      await stream.nack(first);
      await stream.ack(second);
      const [again] = (await take(stream, 1)) as [StreamMessage<number>];
      expect([again.value, again.attempt]).toEqual([1, 2]);
      await stream.ack(again);
    });

    it('waits while as many messages as maxInFlight are not acknowledged', async () => {
      const stream = await open({ maxInFlight: 2 });
      await send(1, 2, 3);
      const [first] = (await take(stream, 2)) as [StreamMessage<number>];
      let third: unknown;
      const waiting = stream.next().then(({ value }) => (third = (value as StreamMessage<number>).value));
      await new Promise(setImmediate);
      expect(third).toBeUndefined();
      await stream.ack(first);
      await waiting;
      expect(third).toBe(3);
    });

    it('leaves to the dead letters what cannot be read, and yields the rest', async () => {
      const [stream, letters] = [
        await open(),
        await open({ topics: [`${topic}-dlq`], groupId: unique('group'), raw: true }),
      ];
      await app.get(ProducerService).send({ topic, key: 'k', message: Buffer.from('{oops'), raw: true });
      await send(2);
      expect(values(await take(stream, 1))).toEqual([2]);
      const [letter] = (await take(letters, 1)) as [StreamMessage<unknown>];
      expect(letter.value).toEqual(Buffer.from('{oops'));
      expect(letter.headers.get('x-reason')).toBe('decode');
    });

    it('settles a message once, and never one that it does not have', async () => {
      const stream = await open();
      await send(1);
      const [message] = (await take(stream, 1)) as [StreamMessage<number>];
      await stream.ack(message);
      await expect(stream.ack(message)).rejects.toBeInstanceOf(StaleDeliveryError);
      await expect(stream.nack(message)).rejects.toThrow('is not yours to settle');
    });

    it('shares its messages with the other members of its group', async () => {
      const other = await start();
      const both = [await open(), await open({}, other)];
      const seen: number[] = [];
      const loops = both.map(async (stream) => {
        for await (const message of stream) {
          seen.push(message.value);
          await stream.ack(message);
        }
      });
      await app.get(ProducerService).sendBatch({
        topic,
        messages: Array.from({ length: 100 }, (_, n) => n),
        key: (n) => `key-${String(n)}`,
      });
      await eventually(() => expect(new Set(seen).size).toBe(100), 30_000);
      await Promise.all(both.map((stream) => stream.close()));
      await Promise.all(loops);
    });

    it('ends with the app, which waits for what is handed out', async () => {
      const stream = await open();
      await send(1, 2);
      const [message] = (await take(stream, 1)) as [StreamMessage<number>];
      const closing = app.close();
      expect((await stream.next()).done).toBe(true);
      await stream.ack(message);
      await closing;
      apps.splice(0);
      app = await start();
      expect(values(await take(await open(), 1))).toEqual([2]);
    });

    it('is refused where another reads the topic in the same group, and for options that cannot work', async () => {
      await open();
      await expect(open()).rejects.toThrow(
        `Topic \`${topic}\` of ${shared.broker} is read by another stream as group \`${groupId}\` already: each would get a part of the messages. Give the stream another \`groupId\`.`,
      );
      await expect(open({ topics: [] })).rejects.toThrow(
        'Expected `topics` to be an array of topics, with one at least',
      );
      await expect(open({ groupId: unique('group'), maxInFlight: 0 })).rejects.toThrow(
        'A stream cannot be opened: Expected `maxInFlight` to be an integer ≥ 1, got `0` (number).',
      );
    });
  });
}
