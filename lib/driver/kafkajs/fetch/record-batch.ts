import { codecOf, type CodecName } from '../codecs/codec-name.js';
import { BATCH } from '../wire/batch-format.js';
import { WireReader } from '../wire/wire-reader.js';
import type { AbortedTransaction } from './fetch-answer.js';

/** A batch of records as it lies in the log since Kafka 0.11 (KIP-98). */
export interface RecordBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly codec: CodecName | undefined;
  /** Of the first record, in ms; the others count from there. */
  readonly firstTimestamp: number;
  /** Of all records, where the broker stamps them. */
  readonly appendTime: number | undefined;
  readonly producerId: number;
  readonly inTransaction: boolean;
  /** Marks of transactions, not messages. */
  readonly isControl: boolean;
  readonly count: number;
  /** The records, compressed with the codec. */
  readonly records: Buffer;
  /** Where the next batch begins. */
  readonly end: number;
}

/**
 * The batch that begins there, if it is whole: a fetch cuts the last one off where its bytes end. One of an older format is left to the next fetch.
 *
 * @throws RangeError when its length cannot be.
 */
export function batchAt(records: Buffer, start: number): RecordBatch | undefined {
  if (records.length - start < BATCH.headerBytes || records[start + BATCH.magicAt] !== BATCH.magic) return undefined;
  const end = endOf(records, start, BATCH.headerBytes);
  return end > records.length ? undefined : readBatch(records.subarray(start, end), end);
}

/** Whether these begin in an older format: a log from before Kafka 0.11 may still have some. */
export function isOld(records: Buffer): boolean {
  return records.length > BATCH.magicAt && (records[BATCH.magicAt] as number) < BATCH.magic;
}

/** Where what begins there ends, of any format; its length stands behind its offset. @throws RangeError when it has not even a header. */
export function endOf(records: Buffer, start: number, headerBytes: number): number {
  const bytes = BATCH.prefixBytes + records.readInt32BE(start + BATCH.prefixBytes - 4);
  if (bytes < headerBytes) throw new RangeError(`it has ${bytes} bytes, and its header ${headerBytes}`);
  return start + bytes;
}

function readBatch(bytes: Buffer, end: number): RecordBatch {
  const reader = new WireReader(bytes);
  const firstOffset = reader.int64();
  reader.skip(13); // length, epoch of the leader, magic, checksum
  const flags = reader.int16();
  const lastOffset = firstOffset + reader.int32();
  const firstTimestamp = reader.int64();
  const maxTimestamp = reader.int64();
  const producerId = reader.int64();
  reader.skip(6); // epoch and sequence of the producer
  return {
    firstOffset,
    lastOffset,
    codec: codecOf(flags),
    firstTimestamp,
    appendTime: flags & BATCH.flags.appendTime ? maxTimestamp : undefined,
    producerId,
    inTransaction: (flags & BATCH.flags.transactional) > 0,
    isControl: (flags & BATCH.flags.control) > 0,
    count: reader.int32(),
    records: reader.take(reader.left),
    end,
  };
}

/**
 * Whether batches, in the order of the log, are to be handed over: control batches are not, nor what belongs to aborted transactions.
 * These are listed in the order of their end, so they are sorted; a mark ends the transaction of its producer.
 */
export function committed(aborted: readonly AbortedTransaction[]): (batch: RecordBatch) => boolean {
  const starts = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<number>();
  return ({ lastOffset, producerId, inTransaction, isControl }) => {
    while (starts[0] && starts[0].firstOffset <= lastOffset)
      open.add((starts.shift() as AbortedTransaction).producerId);
    if (isControl) open.delete(producerId);
    return !isControl && !(inTransaction && open.has(producerId));
  };
}
