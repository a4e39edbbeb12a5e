/** How long a decimal may be, and how many of its digits stand behind the point. */
export interface Digits {
  readonly precision: number;
  readonly scale: number;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Most digits that are read, whatever a schema says: a number's text takes a time that grows with the square of them. */
export const MAX_DIGITS = 1_000;

/** An unscaled big-endian two's complement number as text. Longer bytes than needed are legal: other writers pad. */
export function decimalToText(padded: Buffer, { precision, scale }: Digits): string {
  const bytes = withoutPadding(padded);
  if (bytes.length > sizeOf(precision)) throw new Error(`a decimal of more than ${precision} digits`);
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The shortest bytes; undefined for what is no number of this precision and scale, which would have to be rounded. */
export function textToDecimal(value: unknown, { precision, scale }: Digits): Buffer | undefined {
  const [, sign, whole = '', fraction = ''] = (typeof value === 'string' && NUMBER.exec(value)) || [];
  if (whole === '' || fraction.length > scale) return undefined;
  const digits = (whole + fraction.padEnd(scale, '0')).replace(/^0+(?=\d)/, '');
  if (digits.length > precision && digits !== '0') return undefined;
  return shortest(BigInt(digits) * (sign === '-' ? -1n : 1n));
}

/** Bytes in front that repeat the sign say nothing. */
function withoutPadding(bytes: Buffer): Buffer {
  const pad = bytes[0] === 0xff ? 0xff : 0;
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === pad && ((bytes[start + 1] as number) ^ pad) < 0x80) start++;
  return bytes.subarray(start);
}

/** As many bytes as every number of so many digits needs, with its sign. */
function sizeOf(precision: number): number {
  return Math.ceil((precision * Math.log2(10) + 1) / 8);
}

function shortest(unscaled: bigint): Buffer {
  let size = 1;
  while (BigInt.asIntN(size * 8, unscaled) !== unscaled) size++;
  const hex = BigInt.asUintN(size * 8, unscaled).toString(16);
  return Buffer.from(hex.padStart(size * 2, '0'), 'hex');
}
