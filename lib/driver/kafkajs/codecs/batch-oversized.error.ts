/** Bytes of a record batch before its records (KIP-98), and where in them things are. */
const HEADER_BYTES = 61;
const MAGIC_AT = 16;
const LAST_DELTA_AT = 23;
const CURRENT_MAGIC = 2;

/** A batch that would be too large; kafkajs throws it out of its fetch, which names neither topic nor partition. */
export class BatchOversizedError extends Error {
  private constructor(
    readonly firstOffset: bigint,
    readonly lastOffset: bigint,
  ) {
    super(`the batch of offsets ${firstOffset} to ${lastOffset} is too large when decompressed`);
  }

  /**
   * kafkajs gives a codec a part of the broker's answer, so the header of the batch stands in memory before it. Undefined where
   * it does not look so.
   */
  static of(records: Buffer): BatchOversizedError | undefined {
    const start = records.byteOffset - HEADER_BYTES;
    if (start < 0) return undefined;
    const header = Buffer.from(records.buffer, start, HEADER_BYTES);
    if (header[MAGIC_AT] !== CURRENT_MAGIC) return undefined;
    const first = header.readBigInt64BE(0);
    return new BatchOversizedError(first, first + BigInt(header.readInt32BE(LAST_DELTA_AT)));
  }
}
