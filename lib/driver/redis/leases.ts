import type { Redis } from 'ioredis';
import { sleep } from '../../core/clock.js';
import type { DriverContext } from '../driver.js';
import { releaseScript, renewScript } from './lua/lease.js';
import type { RedisKeys } from './redis.keys.js';
import { runScript } from './redis.scripts.js';
import type { RedisTopic } from './redis.topics.js';

export interface LeaseHolder {
  /** These partitions are the member's now. */
  onGained(topic: RedisTopic, indexes: readonly number[]): void;
  /** These were the member's, and may be another's already. */
  onLost(topic: RedisTopic, indexes: readonly number[]): void;
  /** The member has more than its share: this one is to be drained; when it resolves the lease goes. */
  drain(topic: RedisTopic, index: number): Promise<void>;
}

export interface LeasesParts {
  readonly client: Redis;
  readonly keys: RedisKeys;
  readonly context: DriverContext;
  readonly groupId: string;
  readonly member: string;
  readonly leaseMs: number;
  readonly topic: RedisTopic;
  readonly holder: LeaseHolder;
}

/**
 * The partitions of one topic that this member has: renewed, or taken when they are free, up to an even share. What is above it is
 * drained and given up one at a time, so that a new member never waits long and nothing stands still meanwhile.
 */
export class Leases {
  private readonly own = new Set<number>();
  private closing = false;
  /** When the last renewal was sent, in ms since the epoch. */
  private renewedAt = 0;
  private draining: Promise<void> | undefined;
  private readonly stopped = new AbortController();
  private running: Promise<void> | undefined;
  private cancelExpiry: (() => void) | undefined;
  /** How often partitions were lost. */
  private losses = 0;

  constructor(private readonly parts: LeasesParts) {}

  start(): void {
    this.running = this.run();
  }

  /** No more partitions are taken; those that the member has are renewed while they are drained. */
  close(): void {
    this.closing = true;
  }

  /** Gives up all partitions, after their drain. */
  async leave(): Promise<void> {
    const { client, keys, topic, groupId, member } = this.parts;
    this.end();
    await this.draining;
    await this.running;
    for (const index of this.own) await this.release(index);
    await client.zrem(keys.members(topic.name, groupId), member);
  }

  /** Stops the renewals. */
  end(): void {
    this.stopped.abort();
    this.cancelExpiry?.();
  }

  private async renew(): Promise<void> {
    const { client, keys, context, topic, groupId, member, leaseMs } = this.parts;
    const sentAt = context.clock.now();
    const names = [keys.members(topic.name, groupId), keys.leases(topic.name, groupId)];
    const args = [member, leaseMs, topic.partitions, this.closing ? 0 : 1];
    const [share, indexes] = (await runScript(client, renewScript, names, args)) as [number, number[]];
    if (this.stopped.signal.aborted) return;
    if (context.clock.now() - this.renewedAt > leaseMs) this.loseAll();
    this.renewedAt = sentAt;
    this.renewed(share, new Set(indexes));
  }

  private async run(): Promise<void> {
    const { context, leaseMs, topic } = this.parts;
    while (!this.stopped.signal.aborted) {
      try {
        await this.renew();
      } catch (error) {
        context.log.debug(`leases of topic ${topic.name}: ${(error as Error).message}`);
      }
      await sleep(context.clock, leaseMs / 3, this.stopped.signal);
    }
  }

  private renewed(share: number, indexes: ReadonlySet<number>): void {
    const { topic, holder } = this.parts;
    this.expireLater();
    const lost = [...this.own].filter((index) => !indexes.has(index));
    const gained = [...indexes].filter((index) => !this.own.has(index));
    for (const index of lost) this.own.delete(index);
    for (const index of gained) this.own.add(index);
    if (lost.length > 0) this.lose(lost);
    if (gained.length > 0) holder.onGained(topic, gained);
    const surplus = [...this.own].at(-1);
    if (this.own.size > share && surplus !== undefined && !this.closing)
      this.draining ??= this.giveUpOne(surplus).finally(() => (this.draining = undefined));
  }

  /** A release that fails runs out with its lease, or is tried again with the next renewal. */
  private async giveUpOne(index: number): Promise<void> {
    try {
      await this.giveUp(index);
    } catch (error) {
      this.parts.context.log.warn(`leases of topic ${this.parts.topic.name}: ${(error as Error).message}`);
    }
  }

  /** Without a renewal for two thirds of the lease others may be about to take it. */
  private expireLater(): void {
    const { context, leaseMs } = this.parts;
    const leftMs = this.renewedAt + (leaseMs * 2) / 3 - context.clock.now();
    this.cancelExpiry?.();
    this.cancelExpiry = context.clock.after(leftMs, () => this.loseAll());
  }

  /** Even those that it may still have: another member may have had them in between. */
  private loseAll(): void {
    const lost = [...this.own];
    this.own.clear();
    if (lost.length > 0) this.lose(lost);
  }

  private lose(indexes: readonly number[]): void {
    this.losses++;
    this.parts.holder.onLost(this.parts.topic, indexes);
  }

  private async giveUp(index: number): Promise<void> {
    const { losses } = this;
    await this.parts.holder.drain(this.parts.topic, index);
    // Lost meanwhile, and perhaps got again: that is another reading, which nobody has drained, and which would go on without a lease.
    if (this.losses !== losses) return;
    await this.release(index);
    this.own.delete(index);
  }

  private async release(index: number): Promise<void> {
    const { client, keys, topic, groupId, member } = this.parts;
    await runScript(client, releaseScript, [keys.leases(topic.name, groupId)], [member, index]);
  }
}
