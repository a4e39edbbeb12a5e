const NUMBER = /^(-?)(\d+)(?:\.(\d+))?$/;

/** An unscaled big-endian two's complement number as text. Longer bytes than needed are legal: other writers pad. */
export function decimalToText(bytes: Buffer, scale: number): string {
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The shortest bytes; undefined for what is no number of this precision and scale, which would have to be rounded. */
export function textToDecimal(value: unknown, scale: number, precision: number): Buffer | undefined {
  const [, sign, whole = '', fraction = ''] = (typeof value === 'string' && NUMBER.exec(value)) || [];
  if (whole === '' || fraction.length > scale) return undefined;
  const digits = (whole + fraction.padEnd(scale, '0')).replace(/^0+(?=\d)/, '');
  if (digits.length > precision && digits !== '0') return undefined;
  return shortest(BigInt(digits) * (sign === '-' ? -1n : 1n));
}

function shortest(unscaled: bigint): Buffer {
  let size = 1;
  while (BigInt.asIntN(size * 8, unscaled) !== unscaled) size++;
  const hex = BigInt.asUintN(size * 8, unscaled).toString(16);
  return Buffer.from(hex.padStart(size * 2, '0'), 'hex');
}
