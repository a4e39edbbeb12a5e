import { isAvroModel } from '../serialization/avro/avro-model.js';
import { MAX_DIGITS } from '../serialization/avro/decimal.js';
import type { AvroSchema, PayloadClass } from '../topic/topic.js';
import type { AvroFieldOptions, ClassRef } from './avro-field.options.js';
import { enumValues, isBetween } from './field-check.js';
import type { PropertyFacts } from './property-metadata.js';

/** What a property's type cannot be told from; the text says the cure. */
export class UnknownFieldType extends Error {}

export interface TypeSource {
  /** The schema of a record's class, or its name where it stood before. */
  readonly recordOf: (type: PayloadClass | undefined, place: string) => AvroSchema;
  /** `<Class>_<property>`, in the namespace of the class. */
  readonly enumOf: (facts: PropertyFacts, symbols: readonly string[]) => AvroSchema;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const BIGINT: AvroSchema = { type: 'long', js: 'bigint' };

/** The Avro type of a property, never guessed. @throws UnknownFieldType */
export function fieldType(facts: PropertyFacts, source: TypeSource): AvroSchema {
  const { options, place, designType, enumSource } = facts;
  assertOneType(facts);
  if (options.logicalType !== undefined) return logical(facts);
  if (options.type !== undefined) return designType === BigInt && options.type === 'long' ? BIGINT : options.type;
  if (options.items !== undefined) return { type: 'array', items: part(options.items, place, source) };
  if (options.values !== undefined) return { type: 'map', values: part(options.values, place, source) };
  if (options.of !== undefined) return source.recordOf(options.of(), place);
  if (enumSource !== undefined && !facts.itemChecks.has('isEnum')) return enumeration(facts, source);
  if (designType === Array) return { type: 'array', items: itemsOf(facts, source) };
  return byCheck(facts.checks) ?? byDesign(facts, source);
}

/** What an option makes of a property, and the types of the compiler that it can be; `Object` is what it leaves of all others. */
const GIVEN: readonly (readonly [option: keyof AvroFieldOptions, what: string, fits: (type: unknown) => boolean])[] = [
  ['type', 'a type', () => true],
  ['logicalType', 'a logical type', () => true],
  ['items', 'of an array', (type) => type === Array || type === Object],
  ['values', 'of a plain object', (type) => type === Object],
  ['of', 'of one record', (type) => ![String, Number, Boolean, BigInt, Array, Map, Set].includes(type as never)],
];

/** @throws UnknownFieldType where two options say different things, or one that the property cannot be. */
function assertOneType({ options, place, designType }: PropertyFacts): void {
  const given = GIVEN.filter(([option]) => options[option] !== undefined);
  if (given.length > 1)
    throw new UnknownFieldType(
      `\`${place}\` has ${given.map(([option]) => `\`${option}\``).join(' and ')} in its @AvroField, and is one of them only. Leave one.`,
    );
  const [option, what, fits] = given[0] ?? [];
  if (fits === undefined || designType === undefined || fits(designType)) return;
  throw new UnknownFieldType(
    `\`${place}\` is a ${(designType as { name: string }).name}, and \`${option}\` in its @AvroField is ${what}. Correct the property, or the option.`,
  );
}

/** What class-validator says is narrower than the compiler's `number` and `string`. */
function byCheck(checks: ReadonlySet<string>): AvroSchema | undefined {
  if (checks.has('isInt')) return 'long';
  if (checks.has('isUuid')) return { type: 'string', logicalType: 'uuid' };
  if (checks.has('isDate')) return { type: 'long', logicalType: 'timestamp-millis' };
  if (checks.has('isBoolean')) return 'boolean';
  if (NUMBERS.some((name) => checks.has(name))) return 'double';
  return TEXTS.some((name) => checks.has(name)) ? 'string' : undefined;
}

const NUMBERS = ['isNumber', 'isPositive', 'isNegative', 'min', 'max'];
const TEXTS = [
  'isString',
  'isDateString',
  'isIso8601',
  'isEmail',
  'isUrl',
  'minLength',
  'maxLength',
  'isLength',
  'matches',
];

function byDesign({ designType, place }: PropertyFacts, source: TypeSource): AvroSchema {
  switch (designType) {
    case String:
      return 'string';
    case Number:
      return 'double';
    case Boolean:
      return 'boolean';
    case BigInt:
      return BIGINT;
    case Date:
      return { type: 'long', logicalType: 'timestamp-millis' };
    case Buffer:
    case Uint8Array:
      return 'bytes';
    case undefined:
      throw new UnknownFieldType(
        `\`${place}\` has no type at run time. Set \`emitDecoratorMetadata\` (esbuild and tsx do not write it), or say it: @AvroField({ type: 'string' }).`,
      );
    case Object:
      throw new UnknownFieldType(
        `\`${place}\` is a union, an interface or a nullable type, of which the compiler leaves \`Object\`. Say it: @AvroField({ type: 'string', nullable: true }), { values: 'long' } for a record of keys, or { of: () => Class }.`,
      );
    case Map:
    case Set:
      throw new UnknownFieldType(
        `\`${place}\` is a ${(designType as { name: string }).name}, which neither JSON nor Avro has. Make it a plain object with @AvroField({ values: … }), or an array with { items: … }.`,
      );
    default:
      return source.recordOf(designType as PayloadClass, place);
  }
}

function itemsOf(facts: PropertyFacts, source: TypeSource): AvroSchema {
  const { transformed, place, itemChecks } = facts;
  if (transformed) return source.recordOf(transformed(), place);
  const items = itemChecks.has('isEnum') ? enumeration(facts, source) : byCheck(itemChecks);
  if (items !== undefined) return items;
  throw new UnknownFieldType(
    `\`${place}\` is an array, and the compiler does not tell of what. Say it: @AvroField({ items: 'string' }) or @AvroField({ items: () => Class }).`,
  );
}

function part(given: AvroSchema | ClassRef, place: string, source: TypeSource): AvroSchema {
  if (typeof given !== 'function') return given;
  return source.recordOf(isAvroModel(given as never) ? (given as unknown as PayloadClass) : given(), place);
}

/** An enum of texts that are Avro names; other texts are strings, and numbers are integers. */
function enumeration(facts: PropertyFacts, source: TypeSource): AvroSchema {
  const values = enumValues(facts.enumSource as NonNullable<PropertyFacts['enumSource']>);
  if (values.every((value) => typeof value === 'number')) return 'int';
  const symbols = values.filter((value) => typeof value === 'string');
  if (symbols.length !== values.length)
    throw new UnknownFieldType(
      `\`${facts.place}\` is an enum of texts and numbers, which Avro has not. Use one of them.`,
    );
  return symbols.every((symbol) => NAME.test(symbol)) ? source.enumOf(facts, symbols) : 'string';
}

/** What each logical type needs the property to be. */
const LOGICAL: Readonly<Record<string, { readonly base: string; readonly code: unknown; readonly written: string }>> = {
  'timestamp-millis': { base: 'long', code: Date, written: 'a Date' },
  'timestamp-micros': { base: 'long', code: BigInt, written: 'a bigint' },
  date: { base: 'int', code: String, written: 'a string such as 2024-02-29' },
  'time-millis': { base: 'int', code: Number, written: 'a number' },
  uuid: { base: 'string', code: String, written: 'a string' },
  decimal: { base: 'bytes', code: String, written: 'a string such as 12.34, since a number loses digits' },
};

function logical({ options, designType, place }: PropertyFacts): AvroSchema {
  const { logicalType = '', precision, scale = 0 } = options;
  const rule = LOGICAL[logicalType];
  if (!rule)
    throw new UnknownFieldType(
      `\`${place}\` has the logical type ${logicalType}. Known are ${Object.keys(LOGICAL).join(', ')}.`,
    );
  if (designType !== undefined && designType !== Object && designType !== rule.code)
    throw new UnknownFieldType(
      `\`${place}\` is a ${(designType as { name: string }).name}; a ${logicalType} is ${rule.written}. Change the property.`,
    );
  if (logicalType !== 'decimal') return { type: rule.base, logicalType };
  if (!isBetween(precision, 1, MAX_DIGITS) || !isBetween(scale, 0, precision as number))
    throw new UnknownFieldType(
      `\`${place}\` is a decimal, whose \`precision\` must be an integer from 1 to ${MAX_DIGITS}, and its \`scale\` one from 0 to \`precision\`; got \`${precision}\` and \`${scale}\`. Say them: { precision: 12, scale: 2 }.`,
    );
  return { type: 'bytes', logicalType, precision, scale };
}
