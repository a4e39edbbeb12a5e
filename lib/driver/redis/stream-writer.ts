import type { Redis } from 'ioredis';
import { sleep, type Clock } from '../../core/clock.js';
import { DeliveryTimeoutError, MessagingError } from '../../core/errors.js';
import { Fifo } from '../../core/fifo.js';
import type { SendResult } from '../../core/message.js';
import { resendScript } from './lua/send.js';
import { toMessagingError } from './redis.errors.js';
import { runScript, type Argument } from './redis.scripts.js';

/** A record on its way to a stream. */
export interface PendingWrite {
  readonly messageId: string;
  readonly fields: readonly (string | Buffer)[];
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly resolve: (result: SendResult) => void;
  /** A request with it has left, so without an answer nobody knows whether it was written. */
  wasSent: boolean;
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

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
const RESEND_COUNT = 100;
/** How many entries behind the last known one are searched for a record before it is written again. */
const SEARCH_LIMIT = 20_000;

/**
 * Writes to one stream in the order of the calls. While all goes well each record is one XADD, pipelined with those of the same tick.
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
  /** The last entry id that was acknowledged: whatever is in flight was written behind it, or not at all. */
  private lastId: string;

  constructor(
    private readonly parts: WriterParts,
    lastId: string,
  ) {
    this.lastId = lastId;
  }

  get isIdle(): boolean {
    return this.inFlight === 0 && this.failed.length === 0 && this.waiting.length === 0;
  }

  write(pending: PendingWrite): void {
    if (this.recovering) this.waiting.push(pending);
    else this.add(pending);
  }

  /** Answers what is left, when the connection is given up. */
  abandon(error: MessagingError): void {
    for (const pending of [...this.failed.splice(0), ...this.waiting.shiftMany(Infinity)]) pending.resolve(error);
  }

  private add(pending: PendingWrite): void {
    this.inFlight++;
    pending.wasSent = true;
    this.parts.client.xadd(this.parts.stream, '*', ...pending.fields).then(
      (id) => this.written(pending, String(id)),
      (error: unknown) => this.unanswered(pending, error),
    );
  }

  private written(pending: PendingWrite, id: string): void {
    this.inFlight--;
    if (!this.recovering) this.lastId = id;
    this.answer(pending, id);
    this.recoverWhenQuiet();
  }

  private unanswered(pending: PendingWrite, thrown: unknown): void {
    this.inFlight--;
    const error = this.errorOf(thrown);
    if (error.retryable) {
      this.recovering = true;
      this.failed.push(pending);
      this.parts.onTrouble(error);
    } else pending.resolve(error);
    this.recoverWhenQuiet();
  }

  private recoverWhenQuiet(): void {
    if (this.recovering && this.inFlight === 0) void this.recover();
  }

  private async recover(): Promise<void> {
    this.inFlight++; // nothing else begins a recovery meanwhile
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
    for (const pending of this.waiting.shiftMany(this.waiting.length)) this.write(pending);
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
      for (const pending of batch) pending.resolve(error);
      return undefined;
    }
  }

  private isOver({ deadline, resolve, wasSent }: PendingWrite, cause: MessagingError): boolean {
    if (deadline > this.parts.clock.now()) return false;
    resolve(
      new DeliveryTimeoutError(this.parts.topic, this.parts.timeoutMs, wasSent ? 'unknown' : 'not-written', cause),
    );
    return true;
  }

  private answer({ resolve }: PendingWrite, offset: string): void {
    const { topic, partition } = this.parts;
    resolve({ topic, partition, offset });
  }

  private errorOf(thrown: unknown): MessagingError {
    const { connection, topic } = this.parts;
    return toMessagingError(thrown, { connection, topic });
  }
}
