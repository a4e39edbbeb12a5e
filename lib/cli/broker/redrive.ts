import { sleep, systemClock } from '../../core/clock.js';
import type { Delivery } from '../../core/delivery.js';
import { MessagingError } from '../../core/errors.js';
import type { OutgoingRecord } from '../../core/message.js';
import { offsetAfter } from '../../core/offset.js';
import type { PartitionPosition } from '../../driver/broker-admin.js';
import { CommandError } from '../exit-code.js';
import type { Progress } from '../terminal/progress.js';
import type { Broker } from './open-broker.js';
import { matches, toRedriven, type Filter } from './dead-letters.js';

const BATCH = 200;
const SAVE_EVERY_MS = 5_000;
const TIMEOUT_MS = 60_000;

export interface RedrivePlan {
  readonly topic: string;
  readonly filter: Filter;
  /** Instead of the topic that each came from. */
  readonly to: string | undefined;
  readonly maxRedrives: number;
  /** Messages a second. */
  readonly rate: number;
  readonly dryRun: boolean;
  /** Remembers how far it came. */
  readonly progressGroup: string;
  readonly signal: AbortSignal;
}

export interface RedriveCounts {
  sent: number;
  /** Left where they are, by reason. */
  readonly left: { other: number; 'no origin': number; 'too often': number };
}

/**
 * Sends dead letters again. How far it came is saved when what was sent is acknowledged, so an interrupted run goes on where it ended; after
 * a crash, the messages of its last seconds are sent twice.
 */
export class Redrive {
  readonly counts: RedriveCounts = { sent: 0, left: { other: 0, 'no origin': 0, 'too often': 0 } };
  /** Behind the last that was looked at, and behind the last of which all before are sent. */
  private readonly reached = new Map<number, string>();
  private settled: ReadonlyMap<number, string> = new Map();
  private looked = 0;
  private readonly batch: OutgoingRecord[] = [];
  private readonly targets = new Set<string>();
  private savedAt = systemClock.now();
  private readonly startedAt = systemClock.now();

  constructor(
    private readonly broker: Broker,
    private readonly plan: RedrivePlan,
    private readonly progress: Progress,
  ) {}

  /** @param read hands over the dead letters, until it is told false */
  async run<T>(read: (onMessage: (delivery: Delivery) => Promise<boolean>) => Promise<T>): Promise<T> {
    try {
      const reached = await read(async (delivery) => {
        await this.take(delivery);
        return true;
      });
      await this.flush();
      await this.save();
      return reached;
    } catch (error) {
      await this.save().catch(() => {}); // what failed first is told; without a position more is sent twice, and nothing is lost
      throw error;
    } finally {
      this.progress.end();
    }
  }

  private async take(delivery: Delivery): Promise<void> {
    const { filter, to, maxRedrives, rate } = this.plan;
    const record = matches(delivery, filter) ? toRedriven(delivery, { to, maxRedrives }) : 'other';
    if (typeof record === 'string') this.counts.left[record]++;
    else {
      await this.assertExists(record.topic);
      this.batch.push(record);
    }
    this.looked++;
    this.reached.set(delivery.partition.index, offsetAfter(delivery.offset));
    if (this.batch.length === 0 || this.batch.length >= (Number.isFinite(rate) ? 1 : BATCH)) await this.flush();
    if (systemClock.now() - this.savedAt < SAVE_EVERY_MS) return;
    await this.flush();
    await this.save();
  }

  private async flush(): Promise<void> {
    const records = this.batch.splice(0);
    if (!this.plan.dryRun && records.length > 0) {
      await this.pace();
      await this.send(records);
    }
    this.counts.sent += records.length;
    this.settled = new Map(this.reached);
    this.progress.add(records.length, this.looked);
    this.looked = 0;
  }

  /** Waits until the next may go; less when it is interrupted. */
  private async pace(): Promise<void> {
    const due = this.startedAt + (this.counts.sent / this.plan.rate) * 1_000;
    if (due > systemClock.now()) await sleep(systemClock, due - systemClock.now(), this.plan.signal);
  }

  private async save(): Promise<void> {
    this.savedAt = systemClock.now();
    const { topic, progressGroup, dryRun } = this.plan;
    const positions: PartitionPosition[] = [...this.settled].map(([partition, offset]) => ({ partition, offset }));
    if (!dryRun && positions.length > 0) await this.broker.admin.seek(progressGroup, topic, positions);
  }

  private async send(records: readonly OutgoingRecord[]): Promise<void> {
    const results = await this.broker.driver.send(records, systemClock.now() + TIMEOUT_MS);
    const error = results.find((result) => result instanceof MessagingError);
    if (error)
      throw new CommandError(`A dead letter was not sent again: ${error.message} Run it once more to go on.`, {
        cause: error,
      });
  }

  private async assertExists(topic: string): Promise<void> {
    if (this.targets.has(topic)) return;
    const [found] = await this.broker.driver.admin.describe([topic]);
    if (!found)
      throw new CommandError(
        `Topic \`${topic}\` does not exist, so its dead letters cannot go back. Create it, or name another with --to.`,
      );
    this.targets.add(topic);
  }
}
