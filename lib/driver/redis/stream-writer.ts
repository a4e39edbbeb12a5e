import type { Redis } from 'ioredis';
import { sleep, type Clock } from '../../core/clock.js';
import { DeliveryTimeoutError, MessagingError } from '../../core/errors.js';
import { Fifo } from '../../core/fifo.js';
import { onceATick } from '../../core/once-a-tick.js';
import type { SendCall } from '../send-call.js';
import { resendScript, writeScript } from './lua/send.js';
import { toMessagingError } from './redis.errors.js';
import { evaluate, runScript, type Argument } from './redis.scripts.js';

/** A record on its way to a stream. */
export interface PendingWrite {
  readonly messageId: string;
  readonly fields: readonly (string | Buffer)[];
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly call: SendCall;
  readonly index: number;
  /** In which turn it was handed over, since when nobody knows without an answer whether it was written; undefined before. */
  turn: number | undefined;
}

export interface WriterParts {
  readonly client: Redis;
  readonly clock: Clock;
  readonly connection: string;
  readonly topic: string;
  readonly partition: number;
  readonly stream: string;
  readonly timeoutMs: number;
  /** Told when a record could not be written for now. */
  readonly onTrouble: (error: MessagingError) => void;
}

/** Of the records of one script, which nothing else on the server runs beside; Lua itself hands over 8,000 at most. */
const MAX_FIELDS = 1_000;
/**
 * So many do not wait for the end of their tick: the server writes while the rest of it is made. With a hundred in flight 25 give 1.0 to 1.1
 * times the rate of single XADDs at 1 kB, 50 give 0.85 (measured).
 */
const FULL_GROUP = 25;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
const RESEND_COUNT = 100;
/** How many entries behind the last known one are searched for a record before it is written again. */
const SEARCH_LIMIT = 20_000;

/**
 * Writes to one stream in the order of the calls. While all goes well the records of one tick are one script, or one XADD, and nothing
 * is waited for between two ticks.
 * After a broken connection nobody knows what was written: the records without an answer are looked for by their ids, and written
 * where they are missing, before anything newer follows. That holds only while the client queues nothing itself (`RedisClients.producer`).
 *
 * What the server refuses for a while (OOM) goes again as well, but what was in flight behind it may have been taken before.
 */
export class StreamWriter {
  private readonly waiting = new Fifo<PendingWrite>();
  private failed: PendingWrite[] = [];
  private inFlight = 0;
  private recovering = false;
  private readonly flushSoon = onceATick(() => this.flush());
  private turns = 0;
  /** The last entry id that was acknowledged: whatever is in flight was written behind it, or not at all. */
  private lastId: string;

  constructor(
    private readonly parts: WriterParts,
    lastId: string,
  ) {
    this.lastId = lastId;
  }

  /** What comes alone goes at once; while answers are awaited, the records of a tick go together. */
  write(pending: PendingWrite): void {
    this.waiting.push(pending);
    if (this.inFlight === 0 || this.waiting.length >= FULL_GROUP) return this.flush();
    this.flushSoon();
  }

  /** Answers what is left, when the connection is given up. */
  abandon(error: MessagingError): void {
    for (const { call, index } of [...this.failed.splice(0), ...this.waiting.shiftMany(Infinity)])
      call.set(index, error);
  }

  /** At once. While a recovery goes on its end does it: nothing newer passes what is written again. */
  flush(): void {
    while (!this.recovering && this.waiting.length > 0) this.hand(this.nextGroup());
  }

  private nextGroup(): PendingWrite[] {
    const group: PendingWrite[] = [];
    let fields = 0;
    for (let next = this.waiting.peek(); next; next = this.waiting.peek()) {
      fields += next.fields.length;
      if (group.length > 0 && fields > MAX_FIELDS) break;
      next.turn = this.turns++;
      group.push(next);
      this.waiting.shift();
    }
    return group;
  }

  private hand(group: readonly PendingWrite[]): void {
    this.inFlight++;
    this.request(group).then(
      (ids) => this.written(group, ids),
      (error: unknown) => this.unanswered(group, error),
    );
  }

  /** A script has all of its records written or none: what the server refuses it refuses at the first. */
  private async request(group: readonly PendingWrite[]): Promise<readonly string[]> {
    const { client, stream } = this.parts;
    const [first] = group as [PendingWrite];
    if (group.length === 1) return [(await client.xadd(stream, '*', ...first.fields)) as string];
    const args: Argument[] = [];
    for (const { fields } of group) args.push(fields.length, ...fields);
    return (await evaluate(client, writeScript, [stream], args)) as string[];
  }

  private written(group: readonly PendingWrite[], ids: readonly string[]): void {
    this.inFlight--;
    if (!this.recovering) this.lastId = ids.at(-1) as string;
    group.forEach((pending, at) => this.answer(pending, ids[at] as string));
    this.recoverWhenQuiet();
  }

  private unanswered(group: readonly PendingWrite[], thrown: unknown): void {
    this.inFlight--;
    const error = this.errorOf(thrown);
    if (error.retryable) {
      this.recovering = true;
      this.failed.push(...group);
      this.parts.onTrouble(error);
    } else for (const { call, index } of group) call.set(index, error);
    this.recoverWhenQuiet();
  }

  private recoverWhenQuiet(): void {
    if (this.recovering && this.inFlight === 0) void this.recover();
  }

  private async recover(): Promise<void> {
    this.inFlight++; // nothing else begins a recovery meanwhile
    // ioredis rejects what it cannot send any more before what it has sent
    this.failed.sort((one, other) => (one.turn as number) - (other.turn as number));
    let pause = FIRST_PAUSE_MS;
    while (this.failed.length > 0) {
      const error = await this.resend(this.failed.slice(0, RESEND_COUNT));
      if (!error) continue;
      this.parts.onTrouble(error);
      this.failed = this.failed.filter((pending) => !this.isOver(pending, error));
      await sleep(this.parts.clock, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    this.inFlight--;
    this.recovering = false;
    this.flush();
  }

  /** The error that kept them, when the same call may succeed later. */
  private async resend(batch: readonly PendingWrite[]): Promise<MessagingError | undefined> {
    const records: Argument[] = batch.flatMap(({ messageId, fields }) => [messageId, fields.length, ...fields]);
    try {
      const ids = await runScript(
        this.parts.client,
        resendScript,
        [this.parts.stream],
        [this.lastId, SEARCH_LIMIT, ...records],
      );
      this.failed.splice(0, batch.length);
      (ids as readonly Buffer[]).forEach((id, index) =>
        this.answer(batch[index] as PendingWrite, id.toString('latin1')),
      );
      return undefined;
    } catch (thrown) {
      const error = this.errorOf(thrown);
      if (error.retryable) return error;
      this.failed.splice(0, batch.length);
      for (const { call, index } of batch) call.set(index, error);
      return undefined;
    }
  }

  private isOver({ deadline, call, index, turn }: PendingWrite, cause: MessagingError): boolean {
    if (deadline > this.parts.clock.now()) return false;
    const { topic, timeoutMs } = this.parts;
    const state = turn === undefined ? 'not-written' : 'unknown';
    call.set(index, new DeliveryTimeoutError(topic, timeoutMs, state, cause));
    return true;
  }

  private answer({ call, index }: PendingWrite, offset: string): void {
    const { topic, partition } = this.parts;
    call.set(index, { topic, partition, offset });
  }

  private errorOf(thrown: unknown): MessagingError {
    const { connection, topic } = this.parts;
    return toMessagingError(thrown, { connection, topic });
  }
}
