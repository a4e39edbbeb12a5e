/** Castagnoli's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** What is left of each byte, and of each byte with one, two and three zeros behind it: four bytes are taken at a time (slicing-by-4). */
const BYTE = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
});
const ONE_ZERO = BYTE.map(behindZero);
const TWO_ZEROS = ONE_ZERO.map(behindZero);
const THREE_ZEROS = TWO_ZEROS.map(behindZero);

function behindZero(rest: number): number {
  return at(BYTE, rest) ^ (rest >>> 8);
}

function at(table: Int32Array, rest: number): number {
  return table[rest & 0xff] as number;
}

/** The checksum of a batch of records (RFC 3720, appendix B.4). */
export function crc32c(bytes: Buffer): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length); // `readInt32LE` takes twice as long
  let rest = -1;
  let next = 0;
  for (; next + 4 <= bytes.length; next += 4) {
    rest ^= view.getInt32(next, true);
    rest = at(THREE_ZEROS, rest) ^ at(TWO_ZEROS, rest >>> 8) ^ at(ONE_ZERO, rest >>> 16) ^ at(BYTE, rest >>> 24);
  }
  for (; next < bytes.length; next++) rest = at(BYTE, rest ^ view.getUint8(next)) ^ (rest >>> 8);
  return ~rest >>> 0;
}
