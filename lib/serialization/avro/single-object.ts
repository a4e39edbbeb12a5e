/** `C3 01`, then the fingerprint of the writer's schema, then the bytes (Avro specification, single object encoding). */
const MARKER = Buffer.from([0xc3, 0x01]);
const HEAD = 10;

export function toSingleObject(fingerprint: Buffer, body: Buffer): Buffer {
  return Buffer.concat([MARKER, fingerprint, body]);
}

/** The fingerprint and the bytes; undefined where the marker is not there, or the head is cut off. */
export function fromSingleObject(value: Buffer): { readonly fingerprint: Buffer; readonly body: Buffer } | undefined {
  if (value[0] !== MARKER[0] || value[1] !== MARKER[1] || value.length < HEAD) return undefined;
  return { fingerprint: value.subarray(2, HEAD), body: value.subarray(HEAD) };
}

const EMPTY = 0xc15d213aa4d7a795n;

/** CRC-64-AVRO of a schema's canonical form, in the order of the wire: the lowest byte first. */
export function fingerprintOf(canonical: string): Buffer {
  let crc = EMPTY;
  for (const byte of Buffer.from(canonical, 'utf8')) {
    let low = (crc ^ BigInt(byte)) & 0xffn;
    for (let bit = 0; bit < 8; bit++) low = (low >> 1n) ^ (low & 1n ? EMPTY : 0n);
    crc = (crc >> 8n) ^ low;
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(crc);
  return bytes;
}
