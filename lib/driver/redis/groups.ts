import type { Redis } from 'ioredis';
import { BrokerError, type MessagingError } from '../../core/errors.js';
import type { DriverContext, OffsetReset } from '../driver.js';
import type { Leases } from './leases.js';
import { byeScript, ensureGroupScript, restoreGroupScript } from './lua/group.js';
import type { Reading } from './reading.js';
import { isGroupMissing } from './redis.errors.js';
import type { RedisKeys } from './redis.keys.js';
import { runScript } from './redis.scripts.js';
import type { RedisTopic, RedisTopics } from './redis.topics.js';

export interface GroupsParts {
  readonly command: Redis;
  readonly topics: RedisTopics;
  readonly keys: RedisKeys;
  readonly context: DriverContext;
  readonly groupId: string;
  readonly member: string;
}

/** Messages that a group gets back one by one when it is made again; if there are more it reads again from before them. */
const MOST_UNFINISHED = 10_000;

/** The group on the streams that a member reads: made at first, made again when somebody has removed it. */
export class Groups {
  constructor(private readonly parts: GroupsParts) {}

  /** False when the group is missing and must not be made. */
  async ensure(topic: RedisTopic, reset: OffsetReset): Promise<boolean> {
    if (reset === 'none') return this.exists(topic);
    for (const stream of topic.streams) await this.create(stream, reset === 'latest' ? '$' : '0');
    if (topic.partitions === 1)
      this.parts.context.log.log(
        `Topic ${topic.name} has no partitions: the members of group ${this.parts.groupId} share it message by message, and the order of a key ends at the process.`,
      );
    return true;
  }

  /**
   * The stream or the group was removed: FLUSHALL, DEL, XGROUP DESTROY, or a server that lost its data. The group goes on where it was;
   * only what was acknowledged without any outputs since the last heartbeat comes again. In a stream that is a new one it begins at the
   * beginning, so that nothing sent since is missed.
   */
  async restore(readings: readonly Reading[], onRestored: (error: MessagingError) => void): Promise<void> {
    const { command, context, groupId, member, topics } = this.parts;
    for (const { topic, stream, source } of readings) {
      const isNew = await runScript(command, restoreGroupScript, this.keysOf(stream), [
        groupId,
        member,
        MOST_UNFINISHED,
      ]);
      if (isNew === 0) continue;
      await topics.restore(source);
      const error = this.vanished(topic);
      context.log.error(error.message);
      onRestored(error);
    }
  }

  missing({ name }: RedisTopic): MessagingError {
    const { context, groupId } = this.parts;
    const { connection } = context;
    const text = `Group \`${groupId}\` does not exist on topic \`${name}\`, and \`autoOffsetReset\` is 'none'. Create it with XGROUP CREATE, or choose 'earliest' or 'latest'.`;
    return new BrokerError(text, { connection, topic: name, groupId, retryable: false });
  }

  private vanished(topic: string): MessagingError {
    const { context, groupId } = this.parts;
    const { connection } = context;
    const text = `Group \`${groupId}\` of topic \`${topic}\` had vanished from the server (was it flushed, or restarted without its data?). It was made again; what the server has lost is lost. Keep the server's data, and remove groups only while nobody reads.`;
    return new BrokerError(text, { connection, topic, groupId, retryable: true });
  }

  /** Ends the membership. */
  async bye(readings: readonly Reading[], leases: readonly Leases[]): Promise<void> {
    const { command, keys, groupId, member, context } = this.parts;
    try {
      for (const one of leases) await one.leave();
      for (const { name, streams } of new Set(readings.map(({ source }) => source)))
        for (const stream of streams) {
          const names = [stream, keys.members(name, groupId), ...keys.progress(stream, groupId)];
          await runScript(command, byeScript, names, [groupId, member]);
        }
    } catch (error) {
      if (!isGroupMissing(error)) context.log.debug(`leaving group ${groupId}: ${(error as Error).message}`);
    }
  }

  private async create(stream: string, from: string): Promise<void> {
    const { command, groupId } = this.parts;
    await runScript(command, ensureGroupScript, this.keysOf(stream), [groupId, from]);
  }

  private keysOf(stream: string): string[] {
    return [stream, ...this.parts.keys.progress(stream, this.parts.groupId)];
  }

  private async exists({ streams }: RedisTopic): Promise<boolean> {
    for (const stream of streams) {
      try {
        const groups = (await this.parts.command.xinfo('GROUPS', stream)) as string[][];
        if (!groups.some((group) => group[1] === this.parts.groupId)) return false;
      } catch {
        return false; // there is no such stream
      }
    }
    return true;
  }
}
