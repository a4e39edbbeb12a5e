import { deadlineIn, sleep, type Clock } from '../../core/clock.js';
import { sizeOf } from '../../core/message.js';
import type { Delivery } from '../../core/delivery.js';
import { nameOf } from './group-member.js';
import { toPosition, type Portion, type Reading } from './reading.js';
import type { Held } from '../held-outcomes.js';
import { TRANSACTION_TIMEOUT_MS, TransactionError, type TransactionClient, type Transactor } from './transactor.js';

/** What one transaction takes: few enough to be written well within its timeout. */
const MAX_OUTCOMES = 5_000;
const MAX_BYTES = 16_777_216;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface WriterParts {
  readonly clock: Clock;
  readonly client: TransactionClient;
  /** How often positions are committed while nothing is held, in ms. */
  readonly idleMs: number;
  /** After that long a member that was frozen knows whether it still has its partitions, in ms. */
  readonly heartbeatMs: number;
  /** The message is done with. */
  readonly onWritten: (delivery: Delivery) => void;
  /** Somebody else has these, whatever the group says. */
  readonly onMoved: (readings: readonly Reading[]) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * The transactions of one producer: again and again, what is held of its partitions and the positions behind it. After an error it fences,
 * and looks where the group is: there already (the answer was lost), where it was (the same again, without a handler), or elsewhere.
 */
export class TransactionWriter {
  private readonly transactor: Transactor;
  private readings: readonly Reading[] = [];
  private turns: Promise<unknown> = Promise.resolve();
  /** What a transaction held that failed. */
  private inDoubt: readonly Portion[] | undefined;
  private most = MAX_OUTCOMES;
  private pauseMs = FIRST_PAUSE_MS;
  private due = Infinity;
  /** After an error, in ms since the epoch. */
  private notBefore = 0;
  private isFenced = false;
  private cancel: (() => void) | undefined;

  constructor(
    id: string,
    private readonly parts: WriterParts,
  ) {
    this.transactor = parts.client.open(id);
  }

  get isEmpty(): boolean {
    return this.readings.length === 0;
  }

  /** No earlier owner of these writes any more when it resolves. */
  async add(readings: readonly Reading[]): Promise<void> {
    this.readings = [...this.readings, ...readings.filter((one) => !this.readings.includes(one))];
    await this.next(() => this.transactor.fence());
    this.wake(this.parts.idleMs);
  }

  remove(readings: readonly Reading[]): void {
    this.readings = this.readings.filter((own) => !readings.includes(own));
  }

  /** There is something to write, within so many ms. */
  wake(ms: number): void {
    const now = this.parts.clock.now();
    const at = Math.max(now + ms, this.notBefore);
    if (at >= this.due) return;
    this.cancel?.();
    this.due = at;
    this.cancel = this.parts.clock.after(at - now, () => void this.turn());
  }

  /** Somebody waits for what is held. */
  hurry(): void {
    this.notBefore = 0;
    this.wake(0);
  }

  /** One transaction with what is held now. Resolves with what went wrong. */
  turn(): Promise<unknown> {
    return this.next(() => this.write());
  }

  /** One after the other until nothing is left, while it can still succeed. */
  async finish(mayGoOn: () => boolean): Promise<void> {
    for (;;) {
      const error = await this.turn();
      if (!mayGoOn() || (error === undefined && !this.hasWork)) return;
      if (error !== undefined) await sleep(this.parts.clock, FIRST_PAUSE_MS);
    }
  }

  async close(): Promise<void> {
    this.cancel?.();
    this.due = -Infinity;
    await this.turns;
    const deadline = deadlineIn(this.parts.clock, TRANSACTION_TIMEOUT_MS);
    await this.transactor.close(deadline);
    deadline.cancel();
  }

  private next<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.turns.then(work);
    this.turns = turn.catch(() => {}); // its caller hears of it
    return turn;
  }

  private async write(): Promise<unknown> {
    this.cancel?.();
    if (this.due !== -Infinity) this.due = Infinity;
    try {
      if (this.inDoubt) await this.clearUp(this.inDoubt);
      const portions = this.gather();
      if (portions.length > 0) await this.commit(portions);
      this.wake(this.hasWork ? this.intervalMs : this.parts.idleMs);
      return undefined;
    } catch (error) {
      this.failed(error);
      return error;
    }
  }

  private async commit(portions: readonly Portion[]): Promise<void> {
    this.inDoubt = portions;
    const outcomes = portions.flatMap((portion) => portion.outcomes);
    const records = outcomes.flatMap((outcome) => outcome.records);
    await this.transactor.transact(records, portions.map(toPosition));
    this.inDoubt = undefined;
    this.most = Math.min(this.most * 2, MAX_OUTCOMES);
    this.pauseMs = FIRST_PAUSE_MS;
    for (const portion of portions) this.written(portion);
  }

  /** In turns, so that a partition whose transactions fail does not hold up another's. */
  private gather(): Portion[] {
    const [first, ...others] = this.readings;
    if (first) this.readings = [...others, first];
    let [outcomes, bytes] = [0, 0];
    const takes = ({ records }: Held) => {
      if (outcomes >= this.most || bytes >= MAX_BYTES) return false;
      outcomes++;
      for (const record of records) bytes += sizeOf(record);
      return true;
    };
    return this.readings.flatMap((reading) => reading.portion(takes) ?? []);
  }

  private written({ reading, outcomes, commit }: Portion): void {
    reading.isCommitted(commit);
    for (const outcome of outcomes) {
      reading.held.remove(outcome);
      this.parts.onWritten(outcome.delivery);
      outcome.resolve();
    }
  }

  /** A member that was frozen, and learns that it lost its partitions, leaves their new owner alone. */
  private async clearUp(inDoubt: readonly Portion[]): Promise<void> {
    const lost = this.isFenced ? this.readings.filter(({ isRevoking }) => isRevoking) : [];
    if (lost.length > 0) this.parts.onMoved(lost);
    this.isFenced = false;
    if (this.isEmpty) return;
    await this.transactor.fence();
    const ours = inDoubt.filter(({ reading }) => reading.isOwned);
    const asked = ours.map(({ reading: { topic, index: partition } }) => ({ topic, partition }));
    const found = asked.length === 0 ? [] : await this.parts.client.committed(asked);
    const offsets = new Map(found.map((position) => [nameOf(position), Number(position.offset)]));
    this.inDoubt = undefined;
    const moved = ours.filter((portion) => {
      const { reading, commit } = portion;
      const offset = offsets.get(nameOf({ topic: reading.topic, partition: reading.index })) ?? -1;
      if (offset === commit.offset) this.written(portion);
      return offset !== commit.offset && !reading.isWhereWeLeftIt(offset);
    });
    if (moved.length > 0) this.parts.onMoved(moved.map(({ reading }) => reading));
  }

  private failed(thrown: unknown): void {
    const fault = thrown instanceof TransactionError ? thrown.fault : 'other';
    if (fault === 'record') return this.blame(thrown as TransactionError);
    this.parts.onError(thrown instanceof TransactionError ? thrown.cause : thrown);
    this.isFenced = fault === 'fenced';
    const pauseMs = this.isFenced ? this.parts.heartbeatMs : this.pauseMs;
    this.notBefore = this.parts.clock.now() + pauseMs;
    this.wake(pauseMs);
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** The client does not say which record it is: transactions of one outcome find it, and what is decided of its message then is written instead. */
  private blame({ cause }: TransactionError): void {
    const outcomes = (this.inDoubt ?? []).flatMap((portion) =>
      portion.outcomes.map((outcome) => ({ portion, outcome })),
    );
    const [only] = outcomes;
    if (only && outcomes.length === 1) {
      only.portion.reading.held.remove(only.outcome);
      only.outcome.reject(cause);
    }
    this.most = 1;
    this.wake(0);
  }

  private get hasWork(): boolean {
    return this.readings.some(({ isBehind }) => isBehind);
  }

  private get intervalMs(): number {
    return Math.min(
      ...this.readings.map(({ paused, transactionIntervalMs = 0 }) => (paused ? 0 : transactionIntervalMs)),
    );
  }
}
