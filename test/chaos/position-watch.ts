import { setTimeout as delay } from 'node:timers/promises';
import { compareOffsets } from '../../lib/core/offset.js';
import type { BrokerAdmin, GroupPartition } from '../../lib/driver/broker-admin.js';

const LOOK_MS = 250;

/** Watches the group's positions: they stand or rise, whoever commits, and come to the end of the log. */
export class PositionWatch {
  /** What went back, in words. */
  readonly setbacks: string[] = [];
  private readonly highest = new Map<number, string>();
  private readonly stopped = new AbortController();
  private readonly watching: Promise<void>;

  constructor(
    private readonly admin: BrokerAdmin,
    private readonly groupId: string,
  ) {
    this.watching = this.watch();
  }

  /** @returns what is not committed although all of it came out */
  async uncommitted(timeoutMs: number): Promise<readonly GroupPartition[]> {
    for (const end = Date.now() + timeoutMs; ; await delay(LOOK_MS)) {
      const partitions = await this.look();
      const behind = partitions.filter(({ lag }) => lag !== 0);
      if (partitions.length > 0 && (behind.length === 0 || Date.now() > end)) return behind;
      if (Date.now() > end) throw new Error(`group ${this.groupId} could not be seen for ${timeoutMs} ms`);
    }
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.watching;
  }

  private async watch(): Promise<void> {
    for (; !this.stopped.signal.aborted; await delay(LOOK_MS)) await this.look();
  }

  private async look(): Promise<readonly GroupPartition[]> {
    try {
      const { partitions } = await this.admin.describeGroup(this.groupId);
      for (const one of partitions) this.compare(one);
      return partitions;
    } catch {
      return []; // the broker is away, or the group is not there yet
    }
  }

  private compare({ partition, position }: GroupPartition): void {
    if (position === null) return;
    const before = this.highest.get(partition) ?? position;
    if (compareOffsets(position, before) < 0) this.setbacks.push(`partition ${partition}: ${before} → ${position}`);
    else this.highest.set(partition, position);
  }
}
