import type { Clock, Deadline } from '../core/clock.js';
import type { Delivery, Partition } from '../core/delivery.js';
import type { MessagingError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { OutgoingRecord, SendResult } from '../core/message.js';
import type { Outcome } from '../core/outcome.js';
import type { BrokerAdmin } from './broker-admin.js';

/**
 * What a broker can do: data that the rest of the library asks, instead of asking for a driver's name. An option that needs a
 * feature which the broker lacks is an error at start.
 */
export interface Features {
  /** How far order per key reaches: in the whole group, or only among the handlers of one process. */
  readonly keyOrder: 'group' | 'process';
  /** Positions are contiguous: what is settled above an unfinished message comes again after a crash. */
  readonly contiguous: boolean;
  /** A sender may choose the partition. */
  readonly partitions: boolean;
  /** The broker is another process: it can be unreachable, and outlives this one. */
  readonly remote: boolean;
  /** A record's `dueAt` is heeded: nobody sees it before. */
  readonly delayed: boolean;
  /** A record's `idempotencyKey` is heeded. */
  readonly idempotencyKey: boolean;
  /** `Delivery.deliveries` counts; else it is 1 always. */
  readonly countsDeliveries: boolean;
  /** A message during which its process dies is found out after a few deaths: `Delivery.deliveries` counts those. */
  readonly countsDeaths: boolean;
  /** Outputs and positions can be one transaction. */
  readonly transactions: boolean;
  /** What a topic name may be; undefined: any text. */
  readonly topicName?: RegExp;
}

/** One client library, wrapped. No code above `driver/` knows which one it is. */
export interface Driver {
  readonly features: Features;
  readonly admin: TopicAdmin;
  /** For people and tools; absent where the driver has none. */
  readonly brokerAdmin?: BrokerAdmin;
  /**
   * One attempt; the caller repeats it.
   * @throws MessagingError, `retryable` when the broker may answer later.
   */
  connect(): Promise<void>;
  /**
   * Writes the records and waits for the broker's acknowledgement: one result a record, in the order of the input. Never
   * rejects. Owns batching, the choice of the partition and repeats; order per partition is the order of the calls.
   */
  send(records: readonly OutgoingRecord[], deadline: number): Promise<readonly SendResult[]>;
  /** Joins the group in the background, and again whenever it must; `sink.onAssigned` tells when it got partitions. */
  subscribe(request: SubscribeRequest, sink: DeliverySink): Subscription;
  /** Writes what is buffered, as far as the deadline lets it, and closes the connection. May be called twice. */
  close(deadline: Deadline): Promise<void>;
}

/** What a driver is made with, beside its options. */
export interface DriverContext {
  /** The connection's name, for texts. */
  readonly connection: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the broker answers, as the driver notices it while it works; repeating the same is fine. */
  readonly onStatus: (status: DriverStatus) => void;
}

export type DriverStatus = { readonly state: 'up' } | { readonly state: 'down'; readonly error: MessagingError };

export type OffsetReset = 'earliest' | 'latest' | 'none';

export interface SubscribeRequest {
  readonly groupId: string;
  readonly topics: readonly TopicSubscription[];
  /** Most messages handed over in one call. */
  readonly maxPollRecords: number;
  /** How long handlers may go on after their partitions are to be given up, in ms. */
  readonly drainTimeoutMs: number;
}

export interface TopicSubscription {
  readonly topic: string;
  /** Where a group without a position begins. */
  readonly autoOffsetReset: OffsetReset;
  /**
   * How far the first unfinished message of a partition may lie behind the last one handed over, where positions are contiguous; beyond it
   * nothing more is handed over. It bounds what a crash repeats.
   */
  readonly maxUncommitted: number;
  /**
   * How often outcomes and the position behind them are written, in one transaction, in ms; without it each outcome is written by itself.
   * Until its transaction has ended an outcome is held: `settle` resolves then, or rejects with `ClosedError` when it was not written and
   * the message comes again.
   */
  readonly transactionIntervalMs?: number | undefined;
  /** Most unfinished messages of a partition that whoever subscribes holds: after a death the one at fault is looked for among so many. */
  readonly maxInFlight: number;
}

export interface Subscription {
  /** Takes effect within 250 ms; what was on its way may still come. */
  pause(partitions: readonly Partition[]): void;
  resume(partitions: readonly Partition[]): void;
  /**
   * Carries out an outcome. Transient failures are repeated inside; it rejects on permanent ones only, with nothing settled. Returns
   * nothing, instead of a promise, where nothing has to be waited for. Of a partition that is lost, it does nothing.
   */
  settle(delivery: Delivery, outcome: Outcome): Promise<void> | void;
  /** Stops the intake, lets the sink drain, keeps what is settled, leaves the group. May be called twice. */
  stop(deadline: Deadline): Promise<void>;
}

/**
 * Who takes the deliveries. The driver's callbacks only enqueue: a slow handler inside a client's read loop would stall every other
 * partition. Between `onRevoking` or `onLost` and the next `onAssigned` nothing is delivered for a partition.
 */
export interface DeliverySink {
  onAssigned(partitions: readonly Partition[]): void;
  /** Must not throw. Deliveries come in offset order. */
  onDeliveries(partition: Partition, deliveries: readonly Delivery[]): void;
  /** Finish what runs, release the rest; settling is still legal until the promise resolves. */
  onRevoking(partitions: readonly Partition[], deadline: Deadline): Promise<void>;
  /** The partitions are another's already; what still runs cannot be settled. */
  onLost(partitions: readonly Partition[]): void;
  /** The partition stays, but these messages of it are other members' already; what still runs of them cannot be settled. */
  onTaken(partition: Partition, deliveries: readonly Delivery[]): void;
  /** So many outcomes counted for nothing: others had taken their messages, and settled them before. */
  onLate?(partition: Partition, count: number): void;
  /** `fatal`: the subscription is over; else the driver goes on by itself. */
  onError(error: MessagingError, info: { readonly fatal: boolean }): void;
  /** The broker had lost what the group needs, and perhaps messages. All flows again, and the driver's log has it: somebody should look. */
  onRestored?(error: MessagingError): void;
}

/** A topic to create. What is left out is the broker's default. */
export interface TopicSpec {
  readonly topic: string;
  readonly partitions?: number | undefined;
  readonly replicationFactor?: number | undefined;
  readonly retentionMs?: number | undefined;
  readonly cleanupPolicy?: 'delete' | 'compact' | 'compact,delete' | undefined;
  /** Other settings by the broker's own names; where it has none, any is an error. */
  readonly configs?: Readonly<Record<string, string>> | undefined;
}

export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
}

/** How the broker keeps a topic's messages. */
export interface TopicSettings {
  readonly topic: string;
  readonly retentionMs?: number | undefined;
  /** As the broker writes it: `delete`, `compact`, or both with a comma. */
  readonly cleanupPolicy?: string | undefined;
}

export interface TopicAdmin {
  /** The topics of these that exist. */
  describe(topics: readonly string[]): Promise<readonly TopicDescription[]>;
  /** How topics that exist keep their messages, where the broker has such settings. */
  settings?(topics: readonly string[]): Promise<readonly TopicSettings[]>;
  /** Why a topic that exists cannot be what the spec says, in a sentence for the start; undefined when it can, or need not. */
  refusal?(spec: TopicSpec, found: TopicDescription): string | undefined;
  /** Creates what does not exist and leaves alone what does; resolves when messages can be sent to all. */
  create(topics: readonly TopicSpec[]): Promise<void>;
}
