import type { Attempt } from '../core/attempt.js';
import type { Delivery } from '../core/delivery.js';
import type { Linked } from '../core/linked-list.js';
import { MANUAL, type Verdict } from '../core/outcome.js';

export interface TaskOptions {
  readonly delivery: Delivery;
  /** Its place among the messages of its partition. */
  readonly seq: number;
  /** The lane it runs in; undefined when it has no order to keep. */
  readonly lane: string | undefined;
  readonly bytes: number;
  /** 1, unless it comes from a retry topic. */
  readonly attempt: number;
  readonly firstFailureAt: number | undefined;
}

/** A delivery on its way through the dispatcher. */
export class Task implements Attempt, Linked<Task> {
  readonly delivery: Delivery;
  readonly seq: number;
  readonly lane: string | undefined;
  readonly bytes: number;
  attempt: number;
  firstFailureAt: number | undefined;
  state: 'queued' | 'running' | 'waiting' | 'unacked' | 'settling' | 'done' = 'queued';
  /** When it began to wait for company, in ms since the epoch; for batches. */
  queuedAt = 0;
  /** It runs alone, not in a batch: it has failed in one, stands behind one that has, or nothing else comes before it is settled. */
  single: boolean;
  /** Ends a wait for the next attempt. */
  cancelWait: (() => void) | undefined;
  onAbandon: (() => void) | undefined;
  /** Set by the dispatcher while a handler has the message. */
  onDecide: ((verdict: Verdict) => void) | undefined;
  /** It is not ours any more: it is not begun, and what its handler decides does not count. */
  isLost = false;
  /** The next message of its lane, where messages run one by one. */
  behind: Task | undefined;
  /** Its neighbours in the list of its partition's tasks. */
  previous: Task | undefined;
  next: Task | undefined;
  private controller: AbortController | undefined;

  constructor({ delivery, seq, lane, bytes, attempt, firstFailureAt }: TaskOptions) {
    this.delivery = delivery;
    this.seq = seq;
    this.lane = lane;
    this.bytes = bytes;
    this.attempt = attempt;
    this.firstFailureAt = firstFailureAt;
    this.single = delivery.isAlone === true;
  }

  /** Made only when somebody looks. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.isLost) this.controller.abort();
    return this.controller.signal;
  }

  decide(verdict: Verdict): void {
    this.onDecide?.(verdict);
  }

  /** The handler must end, and nothing it decides counts, also what one that acknowledges by itself has still to say. */
  lose(): void {
    this.isLost = true;
    this.controller?.abort();
    this.onAbandon?.();
    this.decide(MANUAL);
  }
}
