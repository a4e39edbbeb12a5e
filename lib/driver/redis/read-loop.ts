import type { Redis } from 'ioredis';
import { deferred, type Deferred } from '../../core/deferred.js';
import { sleep } from '../../core/clock.js';
import { MessagingError } from '../../core/errors.js';
import type { DriverContext } from '../driver.js';
import type { PendingScan } from './pending-scan.js';
import type { Reading } from './reading.js';
import { unblock } from './redis.client.js';
import { isGroupMissing, toMessagingError } from './redis.errors.js';
import type { Entry } from './redis.fields.js';
import type { ReadsParts, StreamRead } from './stream-reads.js';

export interface ReadLoopParts extends ReadsParts {
  readonly reader: Redis;
  readonly command: Redis;
  readonly context: DriverContext;
  readonly scan: PendingScan;
  readonly streamRead: StreamRead;
  readonly blockMs: number;
  readonly readings: () => readonly Reading[];
  /** Makes ready what is to be read; called before each read, and repeated when it fails. */
  readonly prepare: () => Promise<void>;
  readonly onEntries: (reading: Reading, entries: readonly Entry[], asked: number) => void;
  /** The group, or its stream, has vanished. */
  readonly onGroupMissing: () => Promise<void>;
  readonly onError: (error: MessagingError) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const UNBLOCK_MS = 20;

/** Reads the streams of a member that are read in one way, one request after the other: first what is pending, then what is new. */
export class ReadLoop {
  private readonly stopped = new AbortController();
  private running: Promise<void> | undefined;
  private readerId: number | undefined;
  /** The streams of the read that is waiting. */
  private blockedOn: readonly Reading[] | undefined;
  private interrupting = false;
  private waking: Deferred<void> | undefined;

  constructor(private readonly parts: ReadLoopParts) {
    parts.reader.on('close', () => (this.readerId = undefined));
  }

  start(): void {
    this.running = this.run();
  }

  /** Ends the loop, and a read that is waiting. What it brought has been handed over when this resolves. */
  async stop(): Promise<void> {
    this.stopped.abort();
    this.changed();
    await this.running;
  }

  /** What may be read has changed: a read that waits for other streams ends at once. */
  changed(): void {
    this.waking?.resolve();
    if (!this.interrupting && this.isStale()) void this.interrupt();
  }

  /** Whether the read that waits is not the one that would be made now. */
  private isStale(): boolean {
    const blocked = this.blockedOn;
    if (!blocked) return false;
    if (this.stopped.signal.aborted || blocked.some(({ isOpen }) => !isOpen)) return true;
    const now = this.parts.context.clock.now();
    const { length } = this.parts.readings().filter((reading) => this.nextLook(reading) <= now);
    return length > 0 || this.readable().some((reading) => !blocked.includes(reading));
  }

  private async run(): Promise<void> {
    const { context } = this.parts;
    let pause = FIRST_PAUSE_MS;
    while (!this.stopped.signal.aborted) {
      try {
        await this.parts.prepare();
        await this.turn();
        pause = FIRST_PAUSE_MS;
      } catch (thrown) {
        await this.failed(thrown);
        await sleep(context.clock, pause, this.stopped.signal);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  private async turn(): Promise<void> {
    for (const reading of this.parts.readings()) {
      const entries = await this.parts.scan.next(reading);
      if (entries.length > 0) this.parts.onEntries(reading, entries, Infinity);
    }
    if (this.stopped.signal.aborted) return;
    const now = this.parts.context.clock.now();
    const wanted = this.readable();
    const dueAt = Math.min(...this.parts.readings().map((reading) => this.nextLook(reading)));
    const waitMs = Math.ceil(Math.min(Math.max(dueAt - now, 1), this.parts.blockMs));
    if (wanted.length === 0) return this.rest(waitMs);
    await this.read(wanted, waitMs);
  }

  /** A reading without room wakes the loop when it has some. */
  private nextLook(reading: Reading): number {
    return reading.room === 0 ? Infinity : this.parts.scan.dueAt(reading);
  }

  /** A partition of our own is read on only when everything before is in hand. */
  private readable(): Reading[] {
    return this.parts.readings().filter((reading) => reading.room > 0 && !(reading.isLeased && reading.isBehind));
  }

  private async rest(ms: number): Promise<void> {
    this.waking = deferred();
    const cancel = this.parts.context.clock.after(ms, this.waking.resolve);
    await this.waking.promise;
    this.waking = undefined;
    cancel();
  }

  private async read(wanted: readonly Reading[], waitMs: number): Promise<void> {
    const { reader } = this.parts;
    this.readerId ??= Number(await reader.call('CLIENT', ['ID']));
    const count = Math.min(...wanted.map(({ room }) => room).filter((room) => room > 0));
    if (!Number.isFinite(count)) return;
    this.blockedOn = wanted;
    try {
      const results = await this.parts.streamRead(reader, { wanted, count, waitMs }, this.parts);
      this.blockedOn = undefined;
      for (const { reading, entries } of results) this.parts.onEntries(reading, entries, count);
    } finally {
      this.blockedOn = undefined;
    }
  }

  /** The server says 0 while the read has not arrived there yet, so it is asked until the read has ended. */
  private async interrupt(): Promise<void> {
    const { command, context } = this.parts;
    this.interrupting = true;
    while (this.isStale()) {
      if (this.readerId !== undefined && command.status === 'ready')
        await unblock(command, this.readerId).catch((error: Error) => context.log.debug(`unblock: ${error.message}`));
      else if (this.stopped.signal.aborted) break;
      await sleep(context.clock, UNBLOCK_MS);
    }
    this.interrupting = false;
    if (this.stopped.signal.aborted && this.blockedOn) this.parts.reader.disconnect();
  }

  private async failed(thrown: unknown): Promise<void> {
    const { context, onError, onGroupMissing } = this.parts;
    for (const reading of this.parts.readings()) reading.suspectLoss();
    if (this.stopped.signal.aborted) return;
    const failure = isGroupMissing(thrown) ? await onGroupMissing().catch((again: unknown) => again) : thrown;
    if (failure === undefined) return;
    const error = toMessagingError(failure, { connection: context.connection });
    if (!error.retryable) onError(error);
    else context.log.debug(`redis read: ${error.message}`);
  }
}
