import type { AvroFieldMark } from './avro-field.options.js';

const INT = 2 ** 31;
/** What avsc takes as a plain long: one less than the safe integers, both ways. */
const LONG = Number.MAX_SAFE_INTEGER - 1;

/** Why the field cannot hold a value that its TypeScript type allows; undefined when it can. */
export function refusal(value: unknown, { options, designType }: AvroFieldMark): string | undefined {
  if (value === undefined || value === null)
    return options.default === undefined && !options.nullable ? 'must be given' : undefined;
  if (options.type === 'int') return isBetween(value, -INT, INT - 1) ? undefined : 'must be an integer of 32 bits';
  if (options.type === 'long' && designType === Number)
    return isBetween(value, -LONG, LONG) ? undefined : 'must be an integer below 2^53 (a bigint property takes more)';
  if (options.enum !== undefined) {
    const symbols = enumValues(options.enum);
    return symbols.includes(value as string) ? undefined : `must be one of ${symbols.join(', ')}`;
  }
  return undefined;
}

/** The values of a TypeScript enum; a numeric one is an object of both directions. */
export function enumValues(source: NonNullable<AvroFieldMark['options']['enum']>): readonly (string | number)[] {
  if (Array.isArray(source)) return source as readonly string[];
  const entries = Object.entries(source as Readonly<Record<string, string | number>>);
  return entries.filter(([name]) => !/^-?\d+$/.test(name)).map(([, value]) => value);
}

export function isBetween(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
