/** One batch of records, as a producer sent it. */
export interface ProducedBatch {
  readonly records: number;
  readonly bytes: number;
  /** None, gzip, snappy, lz4, zstd. */
  readonly codec: number;
  /** -1 without idempotence. */
  readonly producerId: number;
}

/** Reads the fields of a request in their order. */
export class WireReader {
  private at = 0;

  constructor(
    private readonly buffer: Buffer,
    /** Lengths are variable, and tags end each structure. */
    private readonly isFlexible: boolean,
  ) {}

  int16(): number {
    this.at += 2;
    return this.buffer.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.buffer.readInt32BE(this.at - 4);
  }

  string(): string | null {
    const length = this.isFlexible ? this.varint() - 1 : this.int16();
    return length < 0 ? null : this.take(length).toString();
  }

  bytes(): Buffer {
    const length = this.isFlexible ? this.varint() - 1 : this.int32();
    return this.take(Math.max(length, 0));
  }

  array<T>(item: () => T): T[] {
    const length = this.isFlexible ? this.varint() - 1 : this.int32();
    return Array.from({ length: Math.max(length, 0) }, item);
  }

  /** Ours send none. */
  tags(): void {
    if (this.isFlexible) this.varint();
  }

  /** A batch of the second format. */
  batch(): ProducedBatch {
    const batch = this.bytes();
    return {
      records: batch.readInt32BE(57),
      bytes: batch.length,
      codec: batch.readInt16BE(21) & 7,
      producerId: Number(batch.readBigInt64BE(43)),
    };
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.buffer.readUInt8(this.at++);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  private take(length: number): Buffer {
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }
}
