import type { Delivery, Partition } from '../../core/delivery.js';
import { Ledger } from '../../core/ledger.js';
import type { TopicSubscription } from '../driver.js';
import { Backlog } from './backlog.js';
import type { DeathCount } from './death-count.js';
import type { FetchedMessages, Position } from './group-member.js';
import { HeldOutcomes, type Held } from '../held-outcomes.js';

/** What the broker keeps of a partition. */
export interface Commit {
  readonly offset: number;
  readonly metadata: string;
}

/** What a transaction takes of a partition: outcomes in the order of their messages, and the position behind them. */
export interface Portion {
  readonly reading: Reading;
  readonly outcomes: readonly Held[];
  readonly commit: Commit;
}

/** What may be fetched ahead while the sink takes nothing: a client that is paused at once throws away what is on its way. */
const AHEAD_MESSAGES = 500;
const AHEAD_BYTES = 262_144;

/**
 * What a member knows of a partition while it has it: what was fetched and not handed over, what is finished, what is committed. A
 * new assignment makes a new one, so nothing of an old one can be settled or committed by mistake.
 */
export class Reading implements Partition {
  /** Whether this member still has the partition. */
  isOwned = true;
  /** Whether it is about to be given up. */
  isRevoking = false;
  /** Whether the sink takes no more. */
  paused = false;
  /** Whether the client was told not to fetch. */
  clientPaused = false;
  /** Outcomes that wait for their transaction. */
  readonly held = new HeldOutcomes();
  private committed: Commit | undefined;
  /** A position that is not for the broker any more. */
  private gone: number | undefined;
  private deaths: DeathCount | undefined;
  /** Whether handing over waits for the first unfinished message. */
  private heldBack = false;
  private ledger: Ledger | undefined;
  private start: number | undefined;
  private fetchedTo = 0;
  private readonly backlog = new Backlog();

  constructor(
    readonly topic: string,
    readonly index: number,
    private readonly options: Pick<TopicSubscription, 'maxUncommitted' | 'transactionIntervalMs'>,
  ) {}

  /** Whether outcomes and position are written in transactions, and how often, in ms. */
  get transactionIntervalMs(): number | undefined {
    return this.options.transactionIntervalMs;
  }

  /** Whether nothing more is handed over for now. */
  get isFull(): boolean {
    return this.paused || this.heldBack;
  }

  /** Whether nothing more should be fetched for now. */
  get isAhead(): boolean {
    return this.isFull && (this.backlog.length >= AHEAD_MESSAGES || this.backlog.bytes >= AHEAD_BYTES);
  }

  /** Up to where the log was read; undefined before the first fetch. */
  get position(): number | undefined {
    return this.ledger && this.fetchedTo;
  }

  /** What the broker is to know, or undefined when it does. */
  get uncommitted(): Commit | undefined {
    if (!this.ledger || this.ledger.position === this.gone) return undefined;
    return this.commitOf(this.ledger.position);
  }

  /** Whether there is something for a transaction. */
  get isBehind(): boolean {
    return (
      this.ledger !== undefined && (this.held.get(this.ledger.position) !== undefined || this.uncommitted !== undefined)
    );
  }

  /** What may be written now as one; nothing when the broker has it all. */
  portion(takes: (outcome: Held) => boolean): Portion | undefined {
    if (!this.ledger || !this.isOwned) return undefined;
    const outcomes: Held[] = [];
    const { position } = this.ledger.run((offset) => {
      const outcome = this.held.get(offset);
      if (!outcome || !takes(outcome)) return false;
      outcomes.push(outcome);
      return true;
    });
    const commit = this.commitOf(position);
    return commit && { reading: this, outcomes, commit };
  }

  /** Whether the group's position is where this member left it. @param offset -1 for none */
  isWhereWeLeftIt(offset: number): boolean {
    return offset === (this.committed?.offset ?? this.start) || (this.committed === undefined && offset < 0);
  }

  /** Whether its messages run alone. */
  get isSuspicious(): boolean {
    return this.deaths?.isSuspicious === true;
  }

  /** Reading begins here; the deaths are what its owners left beside the position. */
  startAt(position: number, deaths: DeathCount): void {
    this.ledger ??= new Ledger(position);
    this.start ??= position;
    this.deaths ??= deaths;
    this.fetchedTo = Math.max(this.fetchedTo, position);
  }

  /** The broker knows this. */
  isCommitted(commit: Commit): void {
    this.committed = commit;
  }

  /** The topic is gone: sent again, this would count for one that is made under its name. */
  isGone({ offset }: Commit): void {
    this.gone = offset;
  }

  /** A fetch brought these, and the log is read up to `next`: behind them may be control records. */
  fetched(messages: FetchedMessages, next: number): void {
    this.ledger ??= new Ledger(messages.count > 0 ? Number(messages.at(0, this).offset) : next);
    this.backlog.push(messages);
    this.fetchedTo = Math.max(this.fetchedTo, next);
    if (this.backlog.length === 0) this.ledger.advanceTo(this.fetchedTo);
  }

  /** What may be handed over now. */
  take(max: number): readonly Delivery[] {
    if (!this.ledger || !this.isOwned || this.isFull) return [];
    const taken = this.backlog.take(max, this);
    for (const delivery of taken) this.ledger.receive(Number(delivery.offset));
    if (this.backlog.length === 0) this.ledger.advanceTo(this.fetchedTo);
    this.heldBack = this.ledger.span >= this.options.maxUncommitted;
    return taken;
  }

  /** The next messages of those that nothing else may run beside. */
  takeSuspects(max: number): readonly Delivery[] {
    const next = this.backlog.peek(this);
    if (!next || !this.deaths) return [];
    const taken = this.take(Math.min(max, this.deaths.most(Number(next.offset))));
    const [first, last] = [taken[0], taken.at(-1)];
    if (!first || !last) return [];
    const deliveries = this.deaths.start(Number(first.offset), Number(last.offset));
    const isAlone = taken.length === 1;
    return taken.map((delivery) => ({ ...delivery, deliveries, isAlone }));
  }

  /** Handed over, and not finished. */
  isUnfinished(offset: string): boolean {
    return this.ledger?.isOpen(Number(offset)) === true;
  }

  /** True when handing over may go on that had to wait for this one. */
  finish(offset: string): boolean {
    const wasSuspicious = this.isSuspicious;
    if (!this.isOwned || this.ledger?.finish(Number(offset)) !== true) return false;
    this.deaths?.survived();
    if (this.isSuspicious !== wasSuspicious) return true;
    if (!this.heldBack || this.ledger.span > this.options.maxUncommitted / 2) return false;
    this.heldBack = false;
    return true;
  }

  /** From now on nothing is handed over, settled or committed. */
  disown(): void {
    this.isOwned = false;
    this.backlog.clear();
    this.held.drop();
  }

  private commitOf(offset: number): Commit | undefined {
    const metadata = (this.isRevoking ? this.deaths?.farewell : this.deaths?.metadata) ?? '';
    const isKnown = this.committed?.offset === offset && this.committed.metadata === metadata;
    return isKnown ? undefined : { offset, metadata };
  }
}

export function toPosition({ reading, commit }: Pick<Portion, 'reading' | 'commit'>): Position {
  const { topic, index: partition } = reading;
  return { topic, partition, offset: String(commit.offset), metadata: commit.metadata };
}
