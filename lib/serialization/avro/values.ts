/** In Node since 20; the compiler's library has it later. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** The same bytes, as avsc takes them. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An ES `Map` or `Set`: it has no properties, so avsc would write it as an empty map, without a word. */
export function isCollection(value: unknown): value is Map<unknown, unknown> | Set<unknown> {
  return value instanceof Map || value instanceof Set;
}

/** Why a value would be written as another map, beside what its items are. */
export function mapFault(value: unknown): string | undefined {
  if (isCollection(value)) return shown(value);
  const isObject = typeof value === 'object' && value !== null;
  return isObject && !Object.keys(value).every(isWellFormed) ? 'a map with half a surrogate pair in a key' : undefined;
}

/** A value as a text about it names it. */
export function shown(value: unknown): string {
  if (isCollection(value)) return `an ES ${value instanceof Map ? 'Map' : 'Set'} (give a plain object)`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  const text = typeof value === 'bigint' ? `${value}n` : String(value);
  return `\`${text.length > 40 ? `${text.slice(0, 40)}…` : text}\` (${value === null ? 'null' : typeof value})`;
}
