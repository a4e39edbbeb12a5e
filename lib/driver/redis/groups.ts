import type { Redis } from 'ioredis';
import { BrokerError, type MessagingError } from '../../core/errors.js';
import type { DriverContext, OffsetReset } from '../driver.js';
import type { Leases } from './leases.js';
import { byeScript, ensureGroupScript } from './lua/group.js';
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
}

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
   * The stream or the group was removed: FLUSHALL, DEL, XGROUP DESTROY, or a server that lost its data. The group goes on before what
   * its members had unfinished at the last heartbeat: what they have finished since comes again. Where no mark is left, it goes on before
   * what this member has unfinished, or behind the last message that it got; and where the stream does not reach that, at the beginning,
   * so that nothing sent since is missed.
   */
  async restore(readings: readonly Reading[]): Promise<void> {
    const { context, groupId, keys, topics } = this.parts;
    for (const reading of readings) {
      const mark = reading.isLeased ? [] : [keys.mark(reading.topic, groupId)];
      if ((await this.create(reading.stream, reading.resumeFrom, mark)) === 0) continue;
      await topics.restore(reading.source);
      context.log.error(
        `Group ${groupId} of topic ${reading.topic} had vanished from the server (was it flushed, or restarted without its data?). It was made again; what the server has lost is lost.`,
      );
    }
  }

  missing({ name }: RedisTopic): MessagingError {
    const { context, groupId } = this.parts;
    const { connection } = context;
    const text = `Group \`${groupId}\` does not exist on topic \`${name}\`, and \`autoOffsetReset\` is 'none'. Create it with XGROUP CREATE, or choose 'earliest' or 'latest'.`;
    return new BrokerError(text, { connection, topic: name, groupId, retryable: false });
  }

  /** Ends the membership. A member that still has messages pending stays in the list until others have taken them. */
  async bye(readings: readonly Reading[], member: string, leases: readonly Leases[]): Promise<void> {
    const { command, keys, groupId, context } = this.parts;
    try {
      for (const one of leases) await one.leave();
      for (const { stream, topic } of readings) {
        const names = [stream, keys.members(topic, groupId), keys.mark(topic, groupId)];
        await runScript(command, byeScript, names, [groupId, member]);
      }
    } catch (error) {
      if (!isGroupMissing(error)) context.log.debug(`leaving group ${groupId}: ${(error as Error).message}`);
    }
  }

  private async create(stream: string, from: string, mark: readonly string[] = []): Promise<number> {
    const { command, groupId } = this.parts;
    return (await runScript(command, ensureGroupScript, [stream, ...mark], [groupId, from])) as number;
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
