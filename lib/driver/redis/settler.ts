import type { Redis } from 'ioredis';
import { sleep } from '../../core/clock.js';
import { ClosedError, type MessagingError } from '../../core/errors.js';
import { Fifo } from '../../core/fifo.js';
import type { DriverContext } from '../driver.js';
import { giveBackScript } from './lua/claim.js';
import { markScript } from './lua/mark.js';
import { settleScript } from './lua/settle.js';
import type { Reading } from './reading.js';
import { fromScript, isGroupMissing, toMessagingError } from './redis.errors.js';
import { runScript } from './redis.scripts.js';
import { settleArguments, type Settlement, type Write } from './settle-arguments.js';

interface Settling extends Settlement {
  readonly resolve: () => void;
  readonly reject: (error: MessagingError) => void;
}

export interface SettlerParts {
  readonly client: Redis;
  readonly context: DriverContext;
  readonly groupId: string;
  readonly member: string;
  readonly claimIdleMs: number;
  readonly reading: Reading;
  /** The key of the topic's leases. */
  readonly leases: string;
  /** The keys of the group's mark and of what is finished behind it. */
  readonly progress: readonly string[];
  readonly onFinished: (id: string) => void;
  /** So many outcomes found their messages settled by others. */
  readonly onLate: (count: number) => void;
  /** Makes the group again. */
  readonly onGroupMissing: () => Promise<void>;
}

const MOST_ACKS = 500;
const MARK_EVERY = 1_000;
const MOST_SETTLES = 100;
const MOST_BYTES = 1_000_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Settles the messages of one stream. One request of a kind is in flight; what comes meanwhile goes together in the next. Until the
 * server has answered, a message counts as unfinished; what keeps it from answering is waited for without end, since a repeat
 * does no harm.
 */
export class Settler {
  private readonly acks = new Fifo<string>();
  private readonly settles = new Fifo<Settling>();
  private readonly returns = new Fifo<readonly [id: string, deliveries: number]>();
  private readonly loops = new Map<string, Promise<void>>();
  private readonly ended = new AbortController();
  /** Acknowledged without outputs since the mark was kept; settlements keep it themselves. */
  private unmarked = 0;

  constructor(private readonly parts: SettlerParts) {}

  ack(id: string): void {
    this.acks.push(id);
    this.run('acks', this.acks, () => this.sendAcks());
  }

  /** @throws MessagingError of the first write that can never be made; the message is then still pending. */
  settle(id: string, writes: readonly Write[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settles.push({ id, writes, resolve, reject });
      this.run('settles', this.settles, () => this.sendSettles());
    });
  }

  giveBack(id: string, deliveries: number): void {
    this.returns.push([id, deliveries]);
    this.run('returns', this.returns, () => this.sendReturns());
  }

  /** Resolves when nothing waits to be settled. */
  async flush(): Promise<void> {
    while (this.loops.size > 0) await Promise.all(this.loops.values());
  }

  /** Gives up what the server has not answered: those messages come again. */
  end(): void {
    this.ended.abort();
    for (const { reject } of this.settles.shiftMany(this.settles.length)) reject(this.closedError());
  }

  private run(name: string, queue: Fifo<unknown>, send: () => Promise<void>): void {
    if (this.loops.has(name)) return;
    const loop = this.loop(queue, send, () => this.loops.delete(name));
    this.loops.set(name, loop);
  }

  /** It ends in the very turn that finds nothing: what comes between would wait for a loop that is over. */
  private async loop(queue: Fifo<unknown>, send: () => Promise<void>, onEnd: () => void): Promise<void> {
    await new Promise(setImmediate); // what is settled in one turn goes together
    try {
      while (queue.length > 0 && !this.ended.signal.aborted) await send();
    } finally {
      onEnd();
    }
  }

  private async sendAcks(): Promise<void> {
    const { client, groupId, reading } = this.parts;
    const ids = this.acks.shiftMany(MOST_ACKS);
    if (reading.isLeased) await this.repeat(() => this.runSettle(ids.map((id) => ({ id, writes: [] }))));
    else this.countLate(ids.length, await this.repeat(() => client.xack(reading.stream, groupId, ...ids)));
    for (const id of ids) this.parts.onFinished(id);
    this.unmarked += ids.length;
    if (this.unmarked >= MARK_EVERY) this.keepMark();
  }

  /** What is acknowledged without outputs comes again when the group is removed: so the mark shall not be far behind. */
  private keepMark(): void {
    const { client, context, groupId, reading, progress } = this.parts;
    this.unmarked = 0;
    const marking = runScript(client, markScript, [reading.stream, ...progress], [groupId]);
    marking.catch((error: Error) => context.log.debug(`mark: ${error.message}`));
  }

  private async sendSettles(): Promise<void> {
    const batch = this.takeSettles();
    const answers = await this.repeat(() => this.runSettle(batch));
    if (this.ended.signal.aborted && answers === undefined)
      return batch.forEach(({ reject }) => reject(this.closedError()));
    if (!Array.isArray(answers)) return batch.forEach((one) => this.finish(one));
    const again: Settling[] = [];
    batch.forEach((settling, index) => {
      const answer: unknown = answers[index];
      if (typeof answer === 'number') return this.finish(settling);
      const error = this.errorOf(String(answer));
      if (error.retryable) again.push(settling);
      else settling.reject(error);
    });
    if (again.length === 0) return;
    for (const settling of again) this.settles.push(settling);
    await sleep(this.parts.context.clock, FIRST_PAUSE_MS, this.ended.signal);
  }

  private takeSettles(): Settling[] {
    const batch: Settling[] = [];
    let bytes = 0;
    for (let next = this.settles.peek(); next; next = this.settles.peek()) {
      bytes += next.writes.reduce((sum, write) => sum + write.bytes, 0);
      if (batch.length > 0 && (batch.length >= MOST_SETTLES || bytes > MOST_BYTES)) break;
      batch.push(next);
      this.settles.shift();
    }
    return batch;
  }

  private async sendReturns(): Promise<void> {
    const { client, groupId, member, claimIdleMs, reading } = this.parts;
    const batch = this.returns.shiftMany(MOST_SETTLES);
    const args = batch.flatMap(([id, deliveries]) => [id, Math.max(deliveries - 1, 0)]);
    await this.repeat(() =>
      runScript(client, giveBackScript, [reading.stream], [groupId, member, claimIdleMs, ...args]),
    );
    for (const [id] of batch) this.parts.onFinished(id);
  }

  private async runSettle(batch: readonly Settlement[]): Promise<unknown> {
    const { client, context, groupId, member, reading, leases, progress } = this.parts;
    const { targets, kinds, args } = settleArguments(batch, context.clock.now());
    const keys = [reading.stream, leases, ...progress, ...targets];
    const answers = await runScript(client, settleScript, keys, [groupId, member, reading.lease, kinds, ...args]);
    // without the lease nobody was asked whether they are settled
    if (Array.isArray(answers)) this.countLate(batch.length, answers.filter((answer) => answer !== 0).length);
    return answers;
  }

  /**
   * What was not pending any more counts for nothing; its own first try may have settled it too, when the answer to that was lost. It may have
   * come again while it was in hand, and then nobody has it.
   */
  private countLate(asked: number, settled: number | undefined): void {
    if (settled === undefined || settled === asked) return;
    this.parts.reading.suspectLoss();
    this.parts.onLate(asked - settled);
  }

  /** Undefined when we are to end. */
  private async repeat<Answer>(request: () => Promise<Answer>): Promise<Answer | undefined> {
    for (let pause = FIRST_PAUSE_MS; !this.ended.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await request();
      } catch (thrown) {
        await this.failed(thrown);
        await sleep(this.parts.context.clock, pause, this.ended.signal);
      }
    }
    return undefined;
  }

  /** A group that has vanished is made again here too: while a partition is being given up nobody reads it. */
  private async failed(thrown: unknown): Promise<void> {
    const { context, onGroupMissing } = this.parts;
    const failure = isGroupMissing(thrown) ? await onGroupMissing().catch((again: unknown) => again) : thrown;
    if (failure !== undefined)
      context.log.warn(`Messages wait to be settled: ${toMessagingError(failure, this.about).message}`);
  }

  private finish({ id, resolve }: Settling): void {
    this.parts.onFinished(id);
    resolve();
  }

  private closedError(): ClosedError {
    const { connection } = this.parts.context;
    return new ClosedError(`Connection \`${connection}\` was closed before the message was settled.`, { connection });
  }

  private errorOf(text: string): MessagingError {
    return fromScript(text, this.about);
  }

  private get about() {
    return { connection: this.parts.context.connection, topic: this.parts.reading.topic };
  }
}
