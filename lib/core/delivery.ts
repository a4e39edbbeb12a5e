import type { HeaderList } from './headers.js';

/**
 * One partition of a topic while it is assigned to this member. Each assignment makes a new object, so a delivery from before
 * a rebalance is told from a new one by identity: no epoch has to be compared.
 */
export interface Partition {
  readonly topic: string;
  readonly index: number;
}

/** A message as received, still to be settled. */
export interface Delivery {
  readonly partition: Partition;
  readonly offset: string;
  readonly key: Buffer | null;
  /** `null` is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: HeaderList;
  /** Milliseconds since the epoch, as the sender or the broker stamped it. */
  readonly timestamp: number;
  /** How often the group got this message, this time included; 1 where the broker does not count. */
  readonly deliveries: number;
  /** Nothing else comes until it is settled: a batch would wait for company in vain. */
  readonly isAlone?: boolean;
}
