/**
 * Positions as brokers write them: a count (`17`), or a time and a number within it (`1700000000000-0`). What is missing is 0, so each
 * broker's own compare among themselves.
 */
type Parts = readonly [first: bigint, second: bigint];

/** The largest second part: 64 bits. */
const LAST = 18_446_744_073_709_551_615n;

/** Below 0 when `a` lies before `b`, above 0 when behind it. */
export function compareOffsets(a: string, b: string): number {
  const [[aFirst, aSecond], [bFirst, bSecond]] = [partsOf(a), partsOf(b)];
  return Math.sign(Number(aFirst - bFirst)) || Math.sign(Number(aSecond - bSecond));
}

/** The next one that there can be. */
export function offsetAfter(offset: string): string {
  const [first, second] = partsOf(offset);
  if (!offset.includes('-')) return String(first + 1n);
  return second === LAST ? `${first + 1n}-0` : `${first}-${second + 1n}`;
}

/** The last one before; the first of all has none, and is its own. */
export function offsetBefore(offset: string): string {
  const [first, second] = partsOf(offset);
  if (!offset.includes('-')) return String(first > 0n ? first - 1n : 0n);
  if (second > 0n) return `${first}-${second - 1n}`;
  return first > 0n ? `${first - 1n}-${LAST}` : offset;
}

function partsOf(offset: string): Parts {
  const [first = '0', second = '0'] = offset.split('-');
  return [BigInt(first), BigInt(second)];
}
