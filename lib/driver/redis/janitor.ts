import type { Redis } from 'ioredis';
import { sleep, type Clock } from '../../core/clock.js';
import type { Log } from '../../core/log.js';
import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import { buryScript } from './lua/group.js';
import { trimScript } from './lua/trim.js';
import { runScript } from './redis.scripts.js';
import type { RedisTopic, RedisTopics } from './redis.topics.js';

export interface JanitorParts {
  readonly client: Redis;
  readonly clock: Clock;
  readonly log: Log;
  readonly topics: RedisTopics;
  readonly options: ResolvedRedisOptions;
}

const TRIM_MS = 60_000;
const BURY_MS = 600_000;
const DEAD_AFTER_MS = 3_600_000;
/** A retention without end, as Kafka writes it: counted from now it would lie ahead, and nothing would be kept. */
const FOR_EVER = -1;

/** Removes what nobody needs any more: messages older than their topic keeps, and members that died. */
export class Janitor {
  private readonly groups = new Map<string, Set<string>>();
  private readonly closed = new AbortController();

  constructor(private readonly parts: JanitorParts) {}

  start(): void {
    void this.repeat(TRIM_MS, () => this.trim());
    void this.repeat(BURY_MS, () => this.bury(DEAD_AFTER_MS));
  }

  watch(stream: string, groupId: string): void {
    const groups = this.groups.get(stream) ?? new Set();
    this.groups.set(stream, groups.add(groupId));
  }

  close(): void {
    this.closed.abort();
  }

  /** Trims the topics that this process has to do with, now. */
  async trim(): Promise<void> {
    for (const topic of this.parts.topics.all)
      if (topic.isOurs) for (const stream of topic.streams) await this.trimStream(topic, stream);
  }

  /** Ends members that have been silent for so long and have nothing pending. */
  async bury(deadAfterMs: number): Promise<void> {
    for (const [stream, groups] of this.groups)
      for (const groupId of groups) await runScript(this.parts.client, buryScript, [stream], [groupId, deadAfterMs]);
  }

  private async trimStream({ name, retentionMs }: RedisTopic, stream: string): Promise<void> {
    const { client, options, log } = this.parts;
    const keptMs = retentionMs ?? options.retentionMs;
    const args = [keptMs === FOR_EVER ? Number.MAX_SAFE_INTEGER : keptMs, options.maxLen ?? 0];
    const [removed, ...behind] = (await runScript(client, trimScript, [stream], args)) as [number, ...Buffer[]];
    if (removed > 0) log.debug(`${removed} messages of topic ${name} were older than it keeps`);
    for (const group of behind)
      log.warn(
        `Topic ${name} no longer has messages that group ${String(group)} did not read: they were older than it keeps. Add members, or raise its retentionMs.`,
      );
  }

  private async repeat(ms: number, task: () => Promise<void>): Promise<void> {
    const { clock, log } = this.parts;
    while (!this.closed.signal.aborted) {
      await sleep(clock, ms, this.closed.signal);
      try {
        if (!this.closed.signal.aborted) await task();
      } catch (error) {
        log.debug(`janitor: ${(error as Error).message}`);
      }
    }
  }
}
