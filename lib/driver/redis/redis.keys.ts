export const META = ':meta';

/** The names of the keys that belong to a topic. Without a prefix the stream has the topic's own name. */
export class RedisKeys {
  constructor(private readonly prefix: string) {}

  /** One stream for a plain topic; `<topic>:0`, `<topic>:1`, … for one with partitions. */
  streams(topic: string, partitions: number): string[] {
    const name = this.prefix + topic;
    return partitions === 1 ? [name] : Array.from({ length: partitions }, (_, index) => `${name}:${index}`);
  }

  /** Finds all streams, and with a suffix other keys, with SCAN. */
  pattern(suffix = ''): string {
    return `${this.prefix.replace(/[[\]*?\\]/g, '\\$&')}*${suffix}`;
  }

  /** The topic to which a key belongs that was found so. */
  topicOf(key: string, suffix = ''): string {
    return key.slice(this.prefix.length, key.length - suffix.length);
  }

  /** A hash: `partitions`, `retentionMs`. */
  meta(topic: string): string {
    return this.prefix + topic + META;
  }

  /** A sorted set: messages sent with a delay. */
  delayed(topic: string): string {
    return `${this.prefix}${topic}:delayed`;
  }

  /** A sorted set: messages that a group tries again later. */
  delayedOf(topic: string, groupId: string): string {
    return `${this.prefix}${topic}:${groupId}:delayed`;
  }

  /** A sorted set: members of a group on a topic, by the time until which they count as alive. */
  members(topic: string, groupId: string): string {
    return `${this.prefix}${topic}:members:${groupId}`;
  }

  /** Where a group is in a stream, and how many entries that has had; and the entries behind that which the group has finished. */
  progress(stream: string, groupId: string): readonly [mark: string, done: string] {
    return [`${stream}:mark:${groupId}`, `${stream}:done:${groupId}`];
  }

  /** A hash: partition → member. */
  leases(topic: string, groupId: string): string {
    return `${this.prefix}${topic}:leases:${groupId}`;
  }

  /** The entry id that a record with this idempotency key got. */
  dedupe(topic: string, idempotencyKey: string): string {
    return `${this.prefix}${topic}:dd:${idempotencyKey}`;
  }
}
