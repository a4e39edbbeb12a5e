import { BATCH } from '../wire/batch-format.js';
import type { WireWriter } from '../wire/wire-writer.js';

/** Records of a partition, and what their batch says of them. */
export interface BatchSpec {
  /** Compressed with the codec. */
  readonly records: Buffer;
  readonly count: number;
  /** ms since the epoch */
  readonly firstTimestamp: number;
  readonly maxTimestamp: number;
  /** Of the first record, among those of the producer to the partition. */
  readonly firstSequence: number;
}

/** What all batches of a request have in common. */
export interface BatchOrigin {
  /** The number of the codec; 0 for none. */
  readonly compression: number;
  readonly isTransactional: boolean;
  /** -1 for none. */
  readonly producerId: number;
  readonly producerEpoch: number;
}

export function batchBytes({ records }: BatchSpec): number {
  return BATCH.headerBytes + records.length;
}

/** Writes a batch as it lies in the log, with its checksum. The broker gives the offset, and the epoch of the leader. */
export function writeBatch(writer: WireWriter, batch: BatchSpec, origin: BatchOrigin): void {
  writer.int64(0);
  writer.int32(batchBytes(batch) - BATCH.prefixBytes);
  writer.int32(0);
  writer.int8(BATCH.magic);
  writer.checked(() => {
    writer.int16(origin.compression | (origin.isTransactional ? BATCH.flags.transactional : 0));
    writer.int32(batch.count - 1);
    writer.int64(batch.firstTimestamp);
    writer.int64(batch.maxTimestamp);
    writer.int64(origin.producerId);
    writer.int16(origin.producerEpoch);
    writer.int32(batch.firstSequence);
    writer.int32(batch.count);
    writer.raw(batch.records);
  });
}
