import { types, type InternalType } from './avsc.js';
import { decimalToText, MAX_DIGITS, textToDecimal, type Digits } from './decimal.js';

type Attributes = Readonly<Record<string, unknown>>;

interface Conversion {
  /** What the property holds, from what the base type read. */
  readonly fromBase: (value: never, attributes: Attributes) => unknown;
  /** What the base type writes; undefined when the value is none of this type. */
  readonly toBase: (value: unknown, attributes: Attributes) => unknown;
}

const DAY_MS = 86_400_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The logical types and what they are in code; others are read as their base type, as the specification has it. */
const conversions: Readonly<Record<string, Conversion>> = {
  /** A `Date`. */
  'timestamp-millis': {
    fromBase: dateOf,
    toBase: (value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : undefined),
  },
  /** Microseconds as a bigint: a `Date` would lose them. */
  'timestamp-micros': {
    fromBase: (micros: bigint) => micros,
    toBase: (value) => (typeof value === 'bigint' ? value : undefined),
  },
  /** `2024-02-29`. */
  date: {
    fromBase: (days: number) => new Date(days * DAY_MS).toISOString().slice(0, 10),
    toBase: daysOf,
  },
  /** Milliseconds since midnight. */
  'time-millis': {
    fromBase: (millis: number) => millis,
    toBase: (value) =>
      Number.isInteger(value) && (value as number) >= 0 && (value as number) < DAY_MS ? value : undefined,
  },
  uuid: {
    fromBase: (text: string) => text,
    toBase: (value) => (typeof value === 'string' && UUID.test(value) ? value : undefined),
  },
  /** `12.34` as text: a number would lose digits. */
  decimal: {
    fromBase: (bytes: Buffer, attributes) => decimalToText(bytes, digitsOf(attributes)),
    toBase: (value, attributes) => textToDecimal(value, digitsOf(attributes)),
  },
};

/** What each stands on. */
export const BASE_TYPE_OF: ReadonlyMap<string, string> = new Map([
  ['timestamp-millis', 'long'],
  ['timestamp-micros', 'long'],
  ['date', 'int'],
  ['time-millis', 'int'],
  ['uuid', 'string'],
  ['decimal', 'bytes'],
]);

/** Marks a schema that a logical type asks its base type of. */
export const IS_BASE = '__isBase';

export const logicalTypes: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries(conversions).map(([name, conversion]) => [name, logicalType(name, conversion)]),
);

function logicalType(name: string, { fromBase, toBase }: Conversion) {
  return class extends types.LogicalType {
    private readonly attributes: Attributes;

    constructor(schema: Attributes, options: unknown) {
      super({ ...schema, [IS_BASE]: true, ...(name === 'timestamp-micros' && { js: 'bigint' }) }, options);
      this.attributes = schema;
    }

    _fromValue(value: never): unknown {
      return fromBase(value, this.attributes);
    }

    _toValue(value: unknown): unknown {
      return toBase(value, this.attributes);
    }

    /** How a writer's value becomes ours. A writer of the same logical type has converted it already. */
    _resolve(writer: InternalType): ((value: never) => unknown) | undefined {
      if (writer.typeName === `logical:${name}`) return isAlike(writer, this) ? (value) => value : undefined;
      const isBase = writer.typeName === this.underlyingType.typeName || isWider(writer.typeName, this.underlyingType);
      return isBase ? (value) => this._fromValue(value) : undefined;
    }
  };
}

/** Decimals of another scale are other numbers. */
function isAlike(writer: InternalType, reader: InternalType): boolean {
  const [a, b] = [writer, reader].map((type) => (type as unknown as { attributes: Attributes }).attributes);
  return digitsOf(a ?? {}).scale === digitsOf(b ?? {}).scale;
}

function isWider(writer: string, { typeName }: InternalType): boolean {
  return typeName === 'long' && writer === 'int';
}

/** A writer's schema may say anything, or nothing. */
function digitsOf({ precision, scale = 0 }: Attributes): Digits {
  const isCount = Number.isInteger(precision) && (precision as number) > 0;
  return { precision: isCount ? Math.min(precision as number, MAX_DIGITS) : MAX_DIGITS, scale: Number(scale) };
}

function dateOf(millis: number): Date {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) throw new Error(`${millis} ms is a time that no Date holds`);
  return date;
}

function daysOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return undefined;
  const at = Date.parse(`${value}T00:00:00Z`);
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== value) return undefined;
  return at / DAY_MS;
}
