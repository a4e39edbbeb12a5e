import { crc32c } from './crc32c.js';

/** Writes the primitives of Kafka's protocol, one behind the other, into bytes that have room for them; 64-bit numbers are exact up to 2^53. */
export class WireWriter {
  private at = 0;

  constructor(private readonly target: Buffer) {}

  int8(value: number): void {
    this.target[this.at++] = value;
  }

  int16(value: number): void {
    this.at = this.target.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.at = this.target.writeInt32BE(value, this.at);
  }

  int64(value: number): void {
    const high = Math.floor(value / 2 ** 32);
    this.int32(high);
    this.at = this.target.writeUInt32BE(value - high * 2 ** 32, this.at);
  }

  /** -1 in place of its length for none. */
  string(text: string | undefined): void {
    this.int16(text === undefined ? -1 : Buffer.byteLength(text));
    if (text !== undefined) this.at += this.target.write(text, this.at);
  }

  /** What is written meanwhile, behind its checksum. */
  checked(write: () => void): void {
    const start = this.at + 4;
    this.at = start;
    write();
    this.target.writeUInt32BE(crc32c(this.target.subarray(start, this.at)), start - 4);
  }

  /** Without their number. */
  raw(bytes: Buffer): void {
    this.at += bytes.copy(this.target, this.at);
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
    if (bytes) this.raw(bytes);
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

/** With its length, of 16 bits; none has one, too. */
export function stringBytes(text: string | undefined): number {
  return 2 + Buffer.byteLength(text ?? '');
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
