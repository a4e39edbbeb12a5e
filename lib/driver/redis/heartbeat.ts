import type { Redis } from 'ioredis';
import { sleep } from '../../core/clock.js';
import type { DriverContext } from '../driver.js';
import { heartbeatScript } from './lua/heartbeat.js';
import { markScript } from './lua/mark.js';
import type { Reading } from './reading.js';
import type { RedisKeys } from './redis.keys.js';
import { runScript } from './redis.scripts.js';

export interface HeartbeatParts {
  readonly client: Redis;
  readonly keys: RedisKeys;
  readonly context: DriverContext;
  readonly groupId: string;
  readonly member: string;
  readonly claimIdleMs: number;
  readonly readings: () => Iterable<Reading>;
  /** Other members have taken these over. */
  readonly onLost: (reading: Reading, ids: readonly string[]) => void;
}

const CHUNK = 200;

/** Tells the group that this member is at work on its messages, so that nobody takes them over. */
export class Heartbeat {
  private readonly stopped = new AbortController();

  constructor(private readonly parts: HeartbeatParts) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped.abort();
  }

  private async run(): Promise<void> {
    const { context, claimIdleMs } = this.parts;
    const everyMs = claimIdleMs / 3;
    for (let due = context.clock.now() + everyMs; ; due = context.clock.now() + everyMs) {
      await sleep(context.clock, everyMs, this.stopped.signal);
      if (this.stopped.signal.aborted) return;
      const lateMs = context.clock.now() - due;
      if (lateMs > everyMs)
        context.log.warn(
          `The event loop stood still for ${Math.round(lateMs)} ms. From ${claimIdleMs} ms on (claimIdleMs) other members take this one's messages. Move long computations to a worker thread.`,
        );
      await this.beat();
    }
  }

  /** Of streams that members share; leases tell of the others. The marks of all are kept. */
  async beat(): Promise<void> {
    const { context, readings } = this.parts;
    for (const reading of readings()) {
      const beating = reading.isLeased ? this.keepMark(reading) : this.beatOf(reading);
      await beating.catch((error: Error) => context.log.debug(`heartbeat: ${error.message}`));
    }
  }

  /**
   * Also without messages: members are counted by it. A dead member counts until others have taken what it had, which is at 1.6 times
   * `claimIdleMs` at the latest.
   */
  private async beatOf(reading: Reading): Promise<void> {
    const { client, keys, groupId, member, claimIdleMs, onLost } = this.parts;
    const { stream, topic } = reading;
    const names = [stream, keys.members(topic, groupId), ...keys.progress(stream, groupId)];
    let { ids } = reading;
    do {
      const args = [groupId, member, claimIdleMs * 2, ...ids.slice(0, CHUNK)];
      const lost = (await runScript(client, heartbeatScript, names, args)) as Buffer[];
      if (lost.length > 0) onLost(reading, lost.map(String));
      ids = ids.slice(CHUNK);
    } while (ids.length > 0);
  }

  private async keepMark({ stream }: Reading): Promise<void> {
    const { client, keys, groupId } = this.parts;
    await runScript(client, markScript, [stream, ...keys.progress(stream, groupId)], [groupId]);
  }
}
