import { types, type ErrorHook, type InternalType, type Tap } from './avsc.js';
import { GuardError } from './guard.js';
import { asBuffer, isWellFormed } from './values.js';

const MAX_FLOAT = 3.4028234663852886e38;

/** avsc writes half of a surrogate pair as bytes that are no UTF-8. */
class StrictString extends types.StringType {
  override _write(tap: Tap, value: unknown): void {
    if (typeof value === 'string' && !isWellFormed(value)) throw new TypeError('text with half a surrogate pair');
    super._write(tap, value);
  }

  override _check(value: unknown, flags: unknown, hook?: ErrorHook): boolean {
    return checked(this, value, typeof value === 'string' && isWellFormed(value), hook);
  }
}

/** avsc writes NaN and Infinity, which no other field of a service expects. */
class StrictDouble extends types.DoubleType {
  override _write(tap: Tap, value: unknown): void {
    if (!Number.isFinite(value)) throw new TypeError(`${String(value)}; expected a finite number`);
    super._write(tap, value);
  }

  override _check(value: unknown, flags: unknown, hook?: ErrorHook): boolean {
    return checked(this, value, Number.isFinite(value), hook);
  }
}

/** A float of 1e300 would be written as Infinity. */
class StrictFloat extends types.FloatType {
  override _write(tap: Tap, value: unknown): void {
    if (!fitsFloat(value)) throw new TypeError(`${String(value)}; expected a number within a float's range`);
    super._write(tap, value);
  }

  override _check(value: unknown, flags: unknown, hook?: ErrorHook): boolean {
    return checked(this, value, fitsFloat(value), hook);
  }
}

/** avsc takes Buffers only; any Uint8Array has the same bytes. */
class AnyBytes extends types.BytesType {
  override _write(tap: Tap, value: unknown): void {
    super._write(tap, value instanceof Uint8Array ? asBuffer(value) : value);
  }

  override _check(value: unknown, flags: unknown, hook?: ErrorHook): boolean {
    return checked(this, value, value instanceof Uint8Array, hook);
  }
}

/** avsc reads more than 32 bits as they are, which no writer of an int may write. */
class StrictInt extends types.IntType {
  override _read(tap: Tap): number {
    const value = tap.readLong();
    if (value === (value | 0) || !tap.isValid()) return value;
    throw new Error(`${value}; expected an integer of 32 bits`);
  }
}

/** All 64 bits, as a bigint: the plain type takes what a number holds exactly. */
const bigintLong = types.LongType.__with({
  toBuffer(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromBuffer: (bytes) => bytes.readBigInt64LE(),
  fromJSON: (value) => BigInt(value),
  toJSON: (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)),
  isValid: (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a, b) => (a < b ? -1 : Number(a > b)),
});

/** Where avsc's arithmetic ends: beyond it, it writes and reads other numbers (-2^52 - 1 becomes 2^52) without a word. */
const EXACT = 2 ** 52;

/** The integers that a number holds exactly. A bigint would make avsc fail while it words its own error. */
class StrictLong extends types.LongType {
  override _write(tap: Tap, value: unknown): void {
    if (typeof value === 'bigint')
      throw new TypeError(`${value}n; expected a number (a \`bigint\` property makes a bigint field)`);
    if (Number.isSafeInteger(value) && Math.abs(value as number) >= EXACT) bigintLong._write(tap, toBigint(value));
    else super._write(tap, value);
  }

  override _read(tap: Tap): number {
    const start = tap.pos;
    const near = tap.readLong();
    if (Math.abs(near) < EXACT || !tap.isValid()) return near;
    tap.pos = start;
    const value = Number(bigintLong._read(tap));
    if (Math.abs(value) < Number.MAX_SAFE_INTEGER) return value;
    throw new GuardError('a long that a number does not hold', 'A long beyond 2^53 needs a `bigint` property.');
  }
}

/** What stands for a primitive type; undefined for another one. */
export function primitiveType(name: unknown, attributes: Readonly<Record<string, unknown>>): InternalType | undefined {
  switch (name) {
    case 'string':
      return new StrictString(undefined, NO_OPTIONS);
    case 'int':
      return new StrictInt(undefined, NO_OPTIONS);
    case 'double':
      return new StrictDouble(undefined, NO_OPTIONS);
    case 'float':
      return new StrictFloat(undefined, NO_OPTIONS);
    case 'bytes':
      return new AnyBytes(undefined, NO_OPTIONS);
    case 'long':
      return attributes['js'] === 'bigint' ? bigintLong : new StrictLong(undefined, NO_OPTIONS);
    default:
      return undefined;
  }
}

const NO_OPTIONS = {} as never;

/** @throws TypeError beyond what avsc takes as a plain long, so that both ways agree. */
function toBigint(value: unknown): bigint {
  if (Math.abs(value as number) < Number.MAX_SAFE_INTEGER) return BigInt(value as number);
  throw new TypeError(`${String(value)}; expected a number below 2^53`);
}

function checked(type: InternalType, value: unknown, isValid: boolean, hook: ErrorHook | undefined): boolean {
  if (!isValid) hook?.(value, type);
  return isValid;
}

function fitsFloat(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= MAX_FLOAT;
}
