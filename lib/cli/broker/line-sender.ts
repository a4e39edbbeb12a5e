import { setImmediate } from 'node:timers/promises';
import { MessagingError } from '../../core/errors.js';
import type { OutgoingRecord } from '../../core/message.js';
import type { Driver } from '../../driver/driver.js';
import { CommandError } from '../exit-code.js';
import type { Progress } from '../terminal/progress.js';

const BATCH = 500;
const TIMEOUT_MS = 60_000;
/** Nothing more has come so far. */
const PAUSE = Symbol('pause');

interface WaitingLine {
  /** Counted from 1, with empty ones. */
  readonly number: number;
  readonly bytes: number;
  readonly record: OutgoingRecord;
}

export interface LineSenderOptions {
  readonly driver: Driver;
  /** @throws UsageError for a line that is no message */
  readonly toRecord: (line: string, number: number) => OutgoingRecord;
  /** Counts what was sent, by lines and bytes. */
  readonly progress: Progress;
}

/** Sends a message for each line, as many at once as have come: what a person types goes at once, a file by the hundred. */
export class LineSender {
  private readonly waiting: WaitingLine[] = [];

  constructor(private readonly options: LineSenderOptions) {}

  /** @throws UsageError, CommandError for the first line that is not written; those before it are. */
  async send(lines: AsyncIterable<string>): Promise<void> {
    let number = 0;
    for await (const line of withPauses(lines)) {
      if (line === PAUSE || this.waiting.length >= BATCH) await this.flush();
      if (line === PAUSE) continue;
      number++;
      if (line.trim() === '') continue;
      this.waiting.push({ number, bytes: Buffer.byteLength(line) + 1, record: await this.recordOf(line, number) });
    }
    await this.flush();
  }

  private async recordOf(line: string, number: number): Promise<OutgoingRecord> {
    try {
      return this.options.toRecord(line, number);
    } catch (error) {
      await this.flush();
      throw error;
    }
  }

  private async flush(): Promise<void> {
    const batch = this.waiting.splice(0);
    if (batch.length === 0) return;
    const records = batch.map(({ record }) => record);
    const results = await this.options.driver.send(records, Date.now() + TIMEOUT_MS);
    const written = results.filter((result) => !(result instanceof MessagingError)).length;
    this.options.progress.add(
      written,
      batch.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    const failed = results.findIndex((result) => result instanceof MessagingError);
    if (failed < 0) return;
    const error = results[failed] as MessagingError;
    throw new CommandError(`Line ${batch[failed]?.number} was not written: ${error.message}`, { cause: error });
  }
}

async function* withPauses(lines: AsyncIterable<string>): AsyncGenerator<string | typeof PAUSE> {
  const iterator = lines[Symbol.asyncIterator]();
  for (;;) {
    const next = iterator.next();
    if ((await Promise.race([next, setImmediate(PAUSE)])) === PAUSE) yield PAUSE;
    const { done, value } = await next;
    if (done) return;
    yield value;
  }
}
