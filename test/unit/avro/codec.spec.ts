import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SchemaResolutionError } from '../../../lib/serialization/errors.js';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';

const context = { topic: 't' };
const record = (...fields: object[]): AvroSchema => ({ type: 'record', name: 'R', namespace: 'x', fields });
const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more });

describe('evolution', () => {
  const read = (writer: AvroSchema, value: unknown, reader: AvroSchema) => {
    const from = new AvroCodec(writer);
    return new AvroCodec(reader).readerOf(from, context)(from.encode(value, context), context);
  };
  const color = (symbols: string[], more: object = {}): AvroSchema => ({ type: 'enum', name: 'C', symbols, ...more });
  const millis = { type: 'long', logicalType: 'timestamp-millis' };
  const decimal = { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 };

  it.each<[string, AvroSchema, unknown, AvroSchema, unknown]>([
    [
      'E01 a new field with a default',
      record(field('a', 'long')),
      { a: 1 },
      record(field('a', 'long'), field('b', 'string', { default: 'x' })),
      { a: 1, b: 'x' },
    ],
    [
      'E02 a dropped field',
      record(field('a', 'long'), field('b', 'string')),
      { a: 1, b: 'x' },
      record(field('a', 'long')),
      { a: 1 },
    ],
    [
      'E03 another order',
      record(field('a', 'long'), field('b', 'string')),
      { a: 1, b: 'x' },
      record(field('b', 'string'), field('a', 'long')),
      { a: 1, b: 'x' },
    ],
    [
      'E04 a renamed field',
      record(field('old', 'long')),
      { old: 1 },
      record(field('a', 'long', { aliases: ['old'] })),
      { a: 1 },
    ],
    [
      'E05 a renamed record',
      { type: 'record', name: 'Old', namespace: 'x', fields: [field('a', 'long')] },
      { a: 1 },
      { type: 'record', name: 'R', namespace: 'x', aliases: ['Old'], fields: [field('a', 'long')] },
      { a: 1 },
    ],
    ['E06 int to long', 'int', 1, 'long', 1],
    ['E07 int to a bigint', 'int', 1, { type: 'long', js: 'bigint' }, 1n],
    ['E08 int to float', 'int', 1, 'float', 1],
    ['E09 int to double', 'int', 1, 'double', 1],
    ['E10 long to float', 'long', 1, 'float', 1],
    ['E11 long to double', 'long', 1, 'double', 1],
    ['E12 float to double', 'float', 1.5, 'double', 1.5],
    ['E13 text to bytes', 'string', 'a', 'bytes', Buffer.from('a')],
    ['E14 bytes to text', 'bytes', Buffer.from('a'), 'string', 'a'],
    ['E15 a type to a nullable one', 'long', 1, ['null', 'long'], 1],
    ['E16 a union in another order', ['null', 'long'], 1, ['long', 'null'], 1],
    ['E17 a wider union', ['null', 'long'], 1, ['null', 'long', 'string'], 1],
    ['E18 a new symbol here', color(['A']), 'A', color(['A', 'B']), 'A'],
    ['E19 a symbol that only the writer has', color(['A', 'Z']), 'Z', color(['A'], { default: 'A' }), 'A'],
    [
      'E20 a writer without the namespace',
      { type: 'record', name: 'R', fields: [field('a', 'long')] },
      { a: 1 },
      record(field('a', 'long')),
      { a: 1 },
    ],
    [
      'E21 a writer of another namespace',
      { type: 'record', name: 'R', namespace: 'y.z', fields: [field('a', 'long')] },
      { a: 1 },
      record(field('a', 'long')),
      { a: 1 },
    ],
    [
      'E22 a record within, of another namespace',
      { type: 'record', name: 'O', fields: [field('r', { type: 'record', name: 'R', fields: [field('a', 'long')] })] },
      { r: { a: 1 } },
      { type: 'record', name: 'O', namespace: 'y', fields: [field('r', record(field('a', 'long')))] },
      { r: { a: 1 } },
    ],
    ['E23 an ambiguous union of the writer, of numbers', ['null', 'int', 'long'], { int: 5 }, ['null', 'long'], 5],
    [
      'E24 an ambiguous union of the writer, of records',
      [record(field('a', 'long')), { type: 'record', name: 'Q', namespace: 'x', fields: [field('a', 'int')] }],
      { 'x.Q': { a: 1 } },
      { type: 'record', name: 'R', namespace: 'x', aliases: ['Q'], fields: [field('a', 'long')] },
      { a: 1 },
    ],
    ['E25 a time of the same logical type', millis, new Date(5), millis, new Date(5)],
    ['E26 a plain number to a time', 'long', 5, millis, new Date(5)],
    ['E27 a decimal of the same scale', decimal, '1.20', decimal, '1.20'],
    ['E28 an int within nested type objects', { type: { type: 'int' } } as never, 5, 'int', 5],
  ])('reads %s', (_what, writer, value, reader, expected) => {
    expect(read(writer, value, reader)).toEqual(expected);
  });

  it.each<[string, AvroSchema, AvroSchema, string]>([
    [
      'E30 a new field without a default',
      record(field('a', 'long')),
      record(field('a', 'long'), field('b', 'string')),
      'no matching field for default-less x.R.b',
    ],
    ['E31 a narrower number', 'long', 'int', 'cannot read "long" as "int"'],
    ['E32 a narrower floating number', 'double', 'float', 'cannot read "double" as "float"'],
    ['E33 a nullable to one that is not', ['null', 'long'], 'long', 'cannot read "null" as "long"'],
    [
      'E34 a fixed of another size',
      { type: 'fixed', name: 'F', size: 2 },
      { type: 'fixed', name: 'F', size: 3 },
      'cannot read',
    ],
    ['E35 a symbol without a default', color(['A', 'Z']), color(['A']), 'cannot read'],
    ['E36 another record', { type: 'record', name: 'Q', fields: [] }, record(), 'no alias found for Q'],
    [
      'E37 micros as millis',
      { type: 'long', logicalType: 'timestamp-micros' },
      millis,
      'logical:timestamp-micros, which cannot be read as logical:timestamp-millis',
    ],
    ['E38 a decimal of another scale', decimal, { ...decimal, scale: 3 }, 'cannot read'],
    ['E39 another kind of type', 'long', record(), 'they are of different kinds'],
  ])('says before any message that it cannot read %s', (_what, writer, reader, text) => {
    const resolve = () => new AvroCodec(reader).readerOf(new AvroCodec(writer), context);
    expect(resolve).toThrow(SchemaResolutionError);
    expect(resolve).toThrow(text);
  });

  it('E40 one schema after another does not hear of the names before', () => {
    const schema = record(field('a', 'long'));
    expect(() => [new AvroCodec(schema), new AvroCodec(schema)]).not.toThrow();
  });

  it('E41 a schema is left as it was', () => {
    const schema = record(field('a', { type: { type: 'long' } }));
    const before = JSON.stringify(schema);
    const codec = new AvroCodec(Object.freeze(schema));
    codec.readerOf(new AvroCodec({ type: 'record', name: 'R', fields: [field('a', 'int')] }), context);
    expect(JSON.stringify(schema)).toBe(before);
  });
});

it('a Uint8Array is bytes', () => {
  expect(new AvroCodec('bytes').encode(new Uint8Array([0, 255]), context).toString('hex')).toBe('0400ff');
});

describe('any value', () => {
  const schema = record(
    field('l', 'long'),
    field('big', { type: 'long', js: 'bigint' }),
    field('s', 'string'),
    field('d', 'double'),
    field('n', ['null', 'string'], { default: null }),
    field('list', { type: 'array', items: 'int' }),
    field('map', { type: 'map', values: 'boolean' }),
    field('cents', { type: 'bytes', logicalType: 'decimal', precision: 15, scale: 2 }),
  );
  const value = fc.record({
    l: fc.maxSafeInteger().filter((n) => Math.abs(n) < Number.MAX_SAFE_INTEGER),
    big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    s: fc.string({ unit: 'grapheme' }),
    d: fc.double({ noNaN: true, noDefaultInfinity: true }),
    n: fc.option(fc.string()),
    list: fc.array(fc.integer()),
    map: fc.dictionary(fc.string(), fc.boolean(), { noNullPrototype: true }),
    cents: fc.maxSafeInteger().map((n) => decimal(BigInt(n) / 10n)),
  });

  it('comes back as it was', () => {
    const codec = new AvroCodec(schema, { isOwn: true });
    fc.assert(
      fc.property(value, (one) => {
        expect(codec.decode(codec.encode(one, context), context)).toEqual(one);
      }),
    );
  });

  it('random bytes are read or refused, and never hang', () => {
    const codec = new AvroCodec(schema);
    const reader = new AvroCodec(record(field('l', 'long'))).readerOf(codec, context);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const names = [codec.decode.bind(codec), reader].map((read) =>
          outcomeOf(() => read(Buffer.from(bytes), context)),
        );
        expect(names.every((name) => name === 'read' || name === 'AvroDecodeError')).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});

function outcomeOf(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (error) {
    return (error as Error).name;
  }
}

function decimal(unscaled: bigint): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(3, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
