/** Writes the primitives of Kafka's record batches, one behind the other, into bytes that have room for them. */
export class WireWriter {
  private at = 0;

  constructor(private readonly target: Buffer) {}

  int8(value: number): void {
    this.target[this.at++] = value;
  }

  /** A zigzag number, seven bits a byte, the lowest first. */
  varint(value: number): void {
    let rest = zigzag(value);
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.target[this.at++] = (rest % 128) | 0x80;
    this.target[this.at++] = rest;
  }

  /** With their number before them; -1 for none. */
  varbytes(bytes: Buffer | null): void {
    this.varint(bytes?.length ?? -1);
    if (bytes) this.at += bytes.copy(this.target, this.at);
  }

  /** Likewise, as UTF-8. */
  vartext(text: string): void {
    this.varint(Buffer.byteLength(text));
    this.at += this.target.write(text, this.at);
  }
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = zigzag(value); rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** With their number. */
export function varbytesBytes(bytes: Buffer | null): number {
  return bytes ? varintBytes(bytes.length) + bytes.length : 1;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
