import type { Redis } from 'ioredis';
import type { DriverContext } from '../driver.js';
import { claimScript, takeScript } from './lua/claim.js';
import type { Quarantine } from './quarantine.js';
import type { Reading } from './reading.js';
import type { Entry, Fields } from './redis.fields.js';
import { runScript } from './redis.scripts.js';

export interface ScanParts {
  readonly client: Redis;
  readonly context: DriverContext;
  readonly groupId: string;
  readonly member: string;
  readonly claimIdleMs: number;
  readonly quarantine: Quarantine;
  readonly leasesOf: (reading: Reading) => string;
}

/** As XPENDING answers it. */
type PendingRow = readonly [id: string, owner: string, idleMs: number, deliveries: number];
type EntryRow = readonly [id: Buffer, fields: Fields, deliveries: number];

const PAGE = 500;
const RECONCILE_MS = 60_000;
/** How long a partition waits for a suspect of another, before it looks again. */
const QUARANTINE_MS = 200;

/** Brings in what is pending and in nobody's hands. It runs between two reads, never beside one: an answer on its way would look lost. */
export class PendingScan {
  constructor(private readonly parts: ScanParts) {}

  /** Milliseconds since the epoch: when there is something to look for. */
  dueAt(reading: Reading): number {
    if (!reading.isOpen) return Infinity;
    return reading.isLeased ? reading.reconcileDueAt : Math.min(reading.reconcileDueAt, reading.claimDueAt);
  }

  /** What the scan found; empty when nothing is due, or there is no room. */
  async next(reading: Reading): Promise<readonly Entry[]> {
    const now = this.parts.context.clock.now();
    if (reading.reconcileDueAt <= now) return this.reconcile(reading);
    if (!reading.isLeased && reading.claimDueAt <= now) return this.claim(reading);
    return [];
  }

  /**
   * The messages of this member of which it knows nothing, since the answer that brought them was lost. Of a partition that is only its
   * own: all that is pending, in the order of the log and before anything newer, with a message that may have ended its last process
   * alone.
   */
  private async reconcile(reading: Reading): Promise<readonly Entry[]> {
    const { client, groupId, member } = this.parts;
    const room = reading.room;
    if (room === 0) return [];
    const scope = reading.isLeased ? [] : [member];
    const rows = (await client.call('XPENDING', [
      reading.stream,
      groupId,
      reading.reconcileCursor,
      '+',
      PAGE,
      ...scope,
    ])) as PendingRow[];
    const unknown = rows.filter(([id]) => !reading.has(id));
    const chosen = reading.isLeased ? this.quarantined(reading, unknown.slice(0, room)) : unknown.slice(0, room);
    if (chosen.length === unknown.length) this.turnPage(reading, rows);
    else if (chosen.length === 0) reading.reconcileDueAt = this.parts.context.clock.now() + QUARANTINE_MS;
    if (chosen.length === 0) return [];
    const own = reading.isLeased ? 0 : 1;
    const ids = chosen.map(([id]) => id);
    const args = [groupId, member, reading.lease, own, ...ids];
    const isAlone = reading.isLeased && chosen.some((row) => this.isSuspect(row));
    const taking = runScript(client, takeScript, [reading.stream, this.parts.leasesOf(reading)], args);
    const entries = toEntries(await this.answerOrLeave(taking, isAlone));
    if (isAlone && entries.length === 0) this.parts.quarantine.leave();
    return entries;
  }

  private turnPage(reading: Reading, rows: readonly PendingRow[]): void {
    const last = rows.at(-1);
    if (last && rows.length === PAGE) {
      reading.reconcileCursor = `(${last[0]}`;
      return;
    }
    reading.reconcileCursor = '-';
    reading.isBehind = false;
    reading.reconcileDueAt = this.parts.context.clock.now() + RECONCILE_MS;
  }

  /** Up to the first suspect; a suspect alone, when nothing else is unfinished. */
  private quarantined(reading: Reading, rows: readonly PendingRow[]): readonly PendingRow[] {
    if (reading.hasSuspect) return [];
    const first = rows.findIndex((row) => this.isSuspect(row));
    if (first === -1) return rows;
    if (first > 0) return rows.slice(0, first);
    return reading.unfinished === 0 && this.parts.quarantine.enter() ? rows.slice(0, 1) : [];
  }

  /**
   * What is this member's own already (a partition lost and got again) counts this delivery. Judged by another count than the one it is
   * held with, it would enter the quarantine and never leave it, and all other suspects of the process would wait for ever.
   */
  private isSuspect([, owner, , deliveries]: PendingRow): boolean {
    return this.parts.quarantine.isSuspect(owner === this.parts.member ? deliveries - 1 : deliveries);
  }

  private async claim(reading: Reading): Promise<readonly Entry[]> {
    const { client, context, groupId, member, claimIdleMs, quarantine } = this.parts;
    const room = reading.room;
    if (room === 0) return [];
    const mayTakeSuspect = quarantine.enter();
    const args = [groupId, member, claimIdleMs, reading.claimCursor, room, mayTakeSuspect ? 1 : 0];
    const [cursor, gone, rows] = (await this.answerOrLeave(
      runScript(client, claimScript, [reading.stream], args),
      mayTakeSuspect,
    )) as [Buffer, number, EntryRow[]];
    const entries = toEntries(rows);
    if (mayTakeSuspect && !entries.some(({ deliveries }) => quarantine.isSuspect(deliveries - 1))) quarantine.leave();
    if (gone > 0)
      context.log.warn(`${gone} messages of topic ${reading.topic} were removed before they were finished.`);
    reading.claimCursor = cursor.toString('latin1');
    if (reading.claimCursor === '-')
      reading.claimDueAt = context.clock.now() + claimIdleMs * (0.4 + Math.random() * 0.2);
    return entries;
  }

  private async answerOrLeave(request: Promise<unknown>, isInQuarantine: boolean): Promise<unknown> {
    try {
      return await request;
    } catch (error) {
      if (isInQuarantine) this.parts.quarantine.leave();
      throw error;
    }
  }
}

function toEntries(rows: unknown): Entry[] {
  return (rows as readonly EntryRow[]).map(([id, fields, deliveries]) => ({
    id: id.toString('latin1'),
    fields,
    deliveries,
  }));
}
