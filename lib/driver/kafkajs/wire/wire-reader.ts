/** Reads the primitives of Kafka's protocol, one behind the other; 64-bit numbers are exact up to 2^53. */
export class WireReader {
  constructor(
    private readonly source: Buffer,
    /** Where the next one begins. */
    public at = 0,
  ) {}

  get left(): number {
    return this.source.length - this.at;
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  int8(): number {
    return this.source.readInt8(this.advance(1));
  }

  int16(): number {
    return this.source.readInt16BE(this.advance(2));
  }

  int32(): number {
    return this.source.readInt32BE(this.advance(4));
  }

  int64(): number {
    const high = this.int32();
    return high * 2 ** 32 + this.source.readUInt32BE(this.advance(4));
  }

  string(): string {
    return this.take(this.int16()).toString('utf8');
  }

  /** A number of elements, of which a negative one says that there is no array. */
  array<Element>(read: () => Element): Element[] {
    const elements: Element[] = [];
    for (let left = this.int32(); left > 0; left--) elements.push(read());
    return elements;
  }

  /** The next ones, or what is left of them: no copy. */
  take(length: number): Buffer {
    const start = this.at;
    this.at += length;
    return this.source.subarray(start, this.at);
  }

  /** A zigzag number of at most 32 bits, seven a byte, the lowest first. */
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.source[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
  }

  /** Likewise, of up to 64 bits. */
  varlong(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.source[this.at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  /** As many as a number before them says; a negative one is for none. */
  bytes(): Buffer | null {
    const length = this.int32();
    return length < 0 ? null : this.take(length);
  }

  varbytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.take(length);
  }

  private advance(bytes: number): number {
    const start = this.at;
    this.at += bytes;
    return start;
  }
}
