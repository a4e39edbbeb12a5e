import type { Redis } from 'ioredis';
import { sleep } from '../../core/clock.js';
import { deferred, type Deferred } from '../../core/deferred.js';
import type { MessagingError } from '../../core/errors.js';
import { compareOffsets, offsetAfter, offsetBefore } from '../../core/offset.js';
import type { PartitionPosition, ReadRequest, ReadSink, TopicReader } from '../broker-admin.js';
import type { DriverContext } from '../driver.js';
import { peekScript } from './lua/inspect.js';
import { toMessagingError } from './redis.errors.js';
import { toDelivery, type EntryFormat, type Fields } from './redis.fields.js';
import { runScript } from './redis.scripts.js';
import type { RedisTopic } from './redis.topics.js';

const COUNT = 100;
const WAIT_MS = 1_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface ReaderParts {
  /** This reader's own, which it closes. */
  readonly client: Redis;
  readonly context: DriverContext;
  readonly format: EntryFormat;
  readonly find: () => Promise<RedisTopic>;
  readonly request: ReadRequest;
  readonly sink: ReadSink;
}

type Row = readonly [id: Buffer, fields: Fields];

/** Reads the streams of a topic without any group: the server does not know of it. */
export class RedisReader implements TopicReader {
  private readonly next: Map<number, string>;
  private readonly stopped = new AbortController();
  private readonly running: Promise<void>;
  private resumed: Deferred<void> | undefined;

  constructor(private readonly parts: ReaderParts) {
    this.next = new Map(parts.request.from.map(({ partition, offset }) => [partition, offset]));
    this.running = this.run();
  }

  pause(): void {
    this.resumed ??= deferred();
  }

  resume(): void {
    this.resumed?.resolve();
    this.resumed = undefined;
  }

  async close(): Promise<void> {
    this.stopped.abort();
    this.resume();
    this.parts.client.disconnect();
    await this.running;
  }

  /** Goes on by itself when the connection breaks. */
  private async run(): Promise<void> {
    const { client, context, sink } = this.parts;
    let pause = FIRST_PAUSE_MS;
    while (!this.stopped.signal.aborted) {
      try {
        if (client.status === 'wait') await client.connect();
        await this.turn();
        pause = FIRST_PAUSE_MS;
      } catch (thrown) {
        if (this.stopped.signal.aborted) return;
        const error = this.wrap(thrown);
        if (!error.retryable) return sink.onError(error);
        context.log.warn(`Reading is interrupted, and goes on by itself: ${error.message}`);
        await sleep(context.clock, pause, this.stopped.signal);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  private async turn(): Promise<void> {
    const { streams } = await this.parts.find();
    let hasMore = false;
    for (const [partition, from] of this.next) {
      const read = await this.peek(streams[partition] ?? '', from);
      await this.resumed?.promise;
      if (this.stopped.signal.aborted) return;
      hasMore ||= read.entries.length === COUNT;
      this.hand(partition, read);
    }
    if (!hasMore) await this.waitForMore(streams);
  }

  private async peek(stream: string, from: string) {
    const answer = await runScript(this.parts.client, peekScript, [stream], [from, COUNT]);
    const [entries, newest] = answer as [readonly Row[], Buffer];
    return { entries, newest: String(newest) };
  }

  private hand(partition: number, { entries, newest }: { entries: readonly Row[]; newest: string }): void {
    const { request, sink, format } = this.parts;
    const last = entries.at(-1)?.[0];
    // What was removed from the end of the stream has been passed as well.
    const reached = offsetAfter(entries.length === COUNT ? String(last) : newest);
    if (compareOffsets(reached, this.next.get(partition) ?? reached) <= 0) return;
    this.next.set(partition, reached);
    const position: PartitionPosition = { partition, offset: reached };
    const place = { topic: request.topic, index: partition };
    sink.onRead(
      entries.map(([id, fields]) => toDelivery(place, { id: String(id), fields, deliveries: 1 }, format)),
      position,
    );
  }

  private async waitForMore(streams: readonly string[]): Promise<void> {
    const wanted = [...this.next].flatMap(([partition, from]) => {
      const stream = streams[partition];
      return stream === undefined ? [] : [{ stream, behind: offsetBefore(from) }];
    });
    const names = wanted.map(({ stream }) => stream);
    const ids = wanted.map(({ behind }) => behind);
    await this.parts.client.callBuffer('XREAD', ['COUNT', 1, 'BLOCK', WAIT_MS, 'STREAMS', ...names, ...ids]);
  }

  private wrap(error: unknown): MessagingError {
    const { connection } = this.parts.context;
    return toMessagingError(error, { connection, topic: this.parts.request.topic });
  }
}
