import type { Redis } from 'ioredis';
import { readLeasedScript } from './lua/lease.js';
import type { Reading } from './reading.js';
import type { Entry, Fields } from './redis.fields.js';
import { runScript } from './redis.scripts.js';

export interface ReadsParts {
  readonly groupId: string;
  readonly member: string;
  readonly leasesOf: (reading: Reading) => string;
}

/** What a read asks for. */
export interface ReadRequest {
  readonly wanted: readonly Reading[];
  /** Most entries of each stream. */
  readonly count: number;
  /** How long it waits for one, in ms. */
  readonly waitMs: number;
}

export interface ReadResult {
  readonly reading: Reading;
  readonly entries: readonly Entry[];
}

/** One way to read new messages; it may wait on the server. */
export type StreamRead = (reader: Redis, request: ReadRequest, parts: ReadsParts) => Promise<readonly ReadResult[]>;

type Row = readonly [id: Buffer, fields: Fields | null];
type ReadReply = readonly (readonly [stream: Buffer, rows: readonly Row[]])[];

/** Of streams that members share: the server gives each message to one of those who wait. */
export const readShared: StreamRead = async (reader, { wanted, count, waitMs }, { groupId, member }) => {
  const streams = [...wanted.map(({ stream }) => stream), ...wanted.map(() => '>')];
  const args = ['GROUP', groupId, member, 'COUNT', count, 'BLOCK', waitMs, 'STREAMS', ...streams];
  const reply = (await reader.callBuffer('XREADGROUP', args)) as ReadReply | null;
  return (reply ?? []).flatMap(([stream, rows]) => {
    const reading = wanted.find((one) => one.stream === String(stream));
    return reading ? [{ reading, entries: toEntries(rows) }] : [];
  });
};

/**
 * Of partitions that this member has the lease of. Lease and messages are looked at in one step, which cannot wait; so the wait, when
 * there is nothing new, is a read that takes nothing.
 */
export const readLeased: StreamRead = async (reader, request, parts) => {
  const results = await Promise.all(request.wanted.map((reading) => readPartition(reader, reading, request, parts)));
  const found = results.filter(({ entries }) => entries.length > 0);
  if (found.length > 0) return found;
  const positions = results.map(({ position }) => position);
  const streams = request.wanted.map(({ stream }) => stream);
  await reader.callBuffer('XREAD', ['COUNT', 1, 'BLOCK', request.waitMs, 'STREAMS', ...streams, ...positions]);
  return [];
};

async function readPartition(
  reader: Redis,
  reading: Reading,
  { count }: ReadRequest,
  { groupId, member, leasesOf }: ReadsParts,
): Promise<ReadResult & { readonly position: string }> {
  const keys = [reading.stream, leasesOf(reading)];
  const args = [groupId, member, reading.lease, count];
  const [rows, position] = (await runScript(reader, readLeasedScript, keys, args)) as [readonly Row[], Buffer];
  // without a lease there is no position: then it waits for what comes from now on
  return { reading, entries: toEntries(rows), position: position.length > 0 ? position.toString('latin1') : '$' };
}

function toEntries(rows: readonly Row[]): Entry[] {
  return rows.map(([id, fields]) => ({ id: id.toString('latin1'), fields: fields ?? [], deliveries: 1 }));
}
