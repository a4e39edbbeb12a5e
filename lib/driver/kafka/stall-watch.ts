import type { Clock } from '../../core/clock.js';
import { BrokerUnavailableError, type MessagingError } from '../../core/errors.js';
import type { Position, TopicPartition } from './group-member.js';
import type { Reading } from './reading.js';

/** Two looks in a row must find the same, so a stall is noticed after 10 to 20 s. */
const LOOK_MS = 10_000;
/** Beyond the rebalance timeout, for which the broker may keep a member waiting. */
const JOIN_PATIENCE_MS = 60_000;

export interface StallWatchParts {
  readonly clock: Clock;
  /** How long the group may take for a rebalance, in ms. */
  readonly joinTimeoutMs: number;
  readonly readings: () => Iterable<Reading>;
  readonly ends: (partitions: readonly TopicPartition[]) => Promise<readonly Position[]>;
  readonly onStall: (reason: MessagingError) => void;
}

/**
 * Looks whether the member lives: that it joins, and that a partition in which messages wait is read. Clients have been seen to stop
 * fetching without a word, and such a member keeps its partitions for ever.
 */
export class StallWatch {
  private cancel: (() => void) | undefined;
  private stopped = false;
  private joiningSince: number | undefined;
  /** Partitions that stood still at the last look, and where. */
  private suspects = new Map<Reading, number>();
  /** Positions at the last look. */
  private last = new Map<Reading, number | undefined>();

  constructor(private readonly parts: StallWatchParts) {}

  start(): void {
    this.cancel = this.parts.clock.after(LOOK_MS, () => {
      void this.look().then(() => {
        if (!this.stopped) this.start();
      });
    });
  }

  stop(): void {
    this.stopped = true;
    this.cancel?.();
  }

  joining(): void {
    this.joiningSince ??= this.parts.clock.now();
  }

  joined(): void {
    this.joiningSince = undefined;
  }

  private async look(): Promise<void> {
    const { clock, joinTimeoutMs, onStall } = this.parts;
    if (this.joiningSince !== undefined && clock.now() - this.joiningSince > joinTimeoutMs + JOIN_PATIENCE_MS) {
      this.joiningSince = undefined;
      return onStall(
        new BrokerUnavailableError(`The group was not joined within ${joinTimeoutMs + JOIN_PATIENCE_MS} ms.`),
      );
    }
    const found = await this.standing();
    const stuck = [...found.keys()].find((reading) => this.suspects.get(reading) === found.get(reading));
    this.suspects = found;
    if (!stuck || this.stopped) return;
    this.suspects = new Map();
    onStall(
      new BrokerUnavailableError(
        `Partition ${stuck.index} of topic \`${stuck.topic}\` is not read although messages wait in it: its member is replaced.`,
        { topic: stuck.topic, partition: stuck.index },
      ),
    );
  }

  /** Readings that could go on, did not since the last look, and have something to read. */
  private async standing(): Promise<Map<Reading, number>> {
    const idle = new Map<Reading, number>();
    const now = new Map<Reading, number | undefined>();
    for (const reading of this.parts.readings()) {
      const { position } = reading;
      now.set(reading, position);
      const stood = this.last.has(reading) && this.last.get(reading) === position;
      if (stood && !reading.isFull && !reading.isRevoking) idle.set(reading, position ?? 0);
    }
    this.last = now;
    if (idle.size === 0) return idle;
    const ends = await this.endsOf([...idle.keys()]);
    return new Map([...idle].filter(([reading, position]) => (ends.get(reading) ?? 0) > position));
  }

  /** Of a broker that does not answer nothing is known, and nothing is concluded. */
  private async endsOf(readings: readonly Reading[]): Promise<Map<Reading, number>> {
    try {
      const asked = readings.map(({ topic, index }) => ({ topic, partition: index }));
      const ends = await this.parts.ends(asked);
      return new Map(
        readings.map((reading) => {
          const end = ends.find(({ topic, partition }) => topic === reading.topic && partition === reading.index);
          return [reading, Number(end?.offset ?? 0)];
        }),
      );
    } catch {
      return new Map();
    }
  }
}
