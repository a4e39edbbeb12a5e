import type { Redis } from 'ioredis';
import { lagScript } from './lua/lag.js';
import { runScript } from './redis.scripts.js';

/** How far a group is behind on a stream. */
export interface GroupLag {
  /** Messages that no member has got yet; at least so many when it is not exact. */
  readonly undelivered: number;
  readonly isExact: boolean;
  /** Messages that a member has got and nobody has settled. */
  readonly pending: number;
}

const MOST = 10_000;

/**
 * Counted, since the server's own `lag` is wrong after unread entries were trimmed (7.0: 6 where 1 is left, also long after the group
 * has read past the gap), and unknown in other cases.
 */
export async function lagOf(client: Redis, stream: string, groupId: string): Promise<GroupLag> {
  const [count = 0, pending = 0] = (await runScript(client, lagScript, [stream], [groupId, MOST + 1])) as number[];
  if (count >= 0) return { undelivered: Math.min(count, MOST), isExact: count <= MOST, pending };
  return { undelivered: await client.xlen(stream), isExact: true, pending: 0 };
}
