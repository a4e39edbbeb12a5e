import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AvroEncodeError, SchemaResolutionError } from '../../../lib/serialization/errors.js';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';
import { SILENT_LOSSES } from '../../support/silent-losses.js';

const context = { topic: 't' };
const record = (...fields: object[]): AvroSchema => ({ type: 'record', name: 'R', namespace: 'x', fields });
const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more });

describe('what avsc would lose without a word is an error that names the path', () => {
  it.each(SILENT_LOSSES)('$name', ({ schema, value, path }) => {
    const encode = () => new AvroCodec(schema, { isOwn: true }).encode(value, context);
    expect(encode).toThrow(AvroEncodeError);
    expect(encode).toThrow(path);
  });

  it('a Uint8Array is bytes', () => {
    const codec = new AvroCodec('bytes');
    expect(codec.encode(new Uint8Array([0, 255]), context).toString('hex')).toBe('0400ff');
  });
});

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
      'a new field with a default',
      record(field('a', 'long')),
      { a: 1 },
      record(field('a', 'long'), field('b', 'string', { default: 'x' })),
      { a: 1, b: 'x' },
    ],
    [
      'a dropped field',
      record(field('a', 'long'), field('b', 'string')),
      { a: 1, b: 'x' },
      record(field('a', 'long')),
      { a: 1 },
    ],
    [
      'another order',
      record(field('a', 'long'), field('b', 'string')),
      { a: 1, b: 'x' },
      record(field('b', 'string'), field('a', 'long')),
      { a: 1, b: 'x' },
    ],
    [
      'a renamed field',
      record(field('old', 'long')),
      { old: 1 },
      record(field('a', 'long', { aliases: ['old'] })),
      { a: 1 },
    ],
    ['int to long', 'int', 1, 'long', 1],
    ['int to a bigint', 'int', 1, { type: 'long', js: 'bigint' }, 1n],
    ['long to double', 'long', 1, 'double', 1],
    ['float to double', 'float', 1.5, 'double', 1.5],
    ['text to bytes', 'string', 'a', 'bytes', Buffer.from('a')],
    ['bytes to text', 'bytes', Buffer.from('a'), 'string', 'a'],
    ['to a nullable', 'long', 1, ['null', 'long'], 1],
    ['a union in another order', ['null', 'long'], 1, ['long', 'null'], 1],
    ['a wider union', ['null', 'long'], 1, ['null', 'long', 'string'], 1],
    ['a new symbol here', color(['A']), 'A', color(['A', 'B']), 'A'],
    ['a symbol that only the writer has', color(['A', 'Z']), 'Z', color(['A'], { default: 'A' }), 'A'],
    [
      'a writer without the namespace',
      { type: 'record', name: 'R', fields: [field('a', 'long')] },
      { a: 1 },
      record(field('a', 'long')),
      { a: 1 },
    ],
    [
      'a writer of another namespace',
      { type: 'record', name: 'R', namespace: 'y.z', fields: [field('a', 'long')] },
      { a: 1 },
      record(field('a', 'long')),
      { a: 1 },
    ],
    ['an ambiguous union of the writer', ['null', 'int', 'long'], { int: 5 }, ['null', 'long'], 5],
    ['a time of the same logical type', millis, new Date(5), millis, new Date(5)],
    ['a plain number to a time', 'long', 5, millis, new Date(5)],
    ['a decimal of the same scale', decimal, '1.20', decimal, '1.20'],
    ['an int within nested type objects', { type: { type: 'int' } } as never, 5, 'int', 5],
  ])('reads %s', (_what, writer, value, reader, expected) => {
    expect(read(writer, value, reader)).toEqual(expected);
  });

  it.each<[string, AvroSchema, AvroSchema]>([
    ['a new field without a default', record(field('a', 'long')), record(field('a', 'long'), field('b', 'string'))],
    ['a narrower number', 'long', 'int'],
    ['a nullable to one that is not', ['null', 'long'], 'long'],
    ['a fixed of another size', { type: 'fixed', name: 'F', size: 2 }, { type: 'fixed', name: 'F', size: 3 }],
    ['a symbol without a default', color(['A', 'Z']), color(['A'])],
    ['another record', { type: 'record', name: 'Q', fields: [] }, record()],
    ['micros as millis', { type: 'long', logicalType: 'timestamp-micros' }, millis],
    ['a decimal of another scale', decimal, { ...decimal, scale: 3 }],
  ])('says before any message that it cannot read %s', (_what, writer, reader) => {
    expect(() => new AvroCodec(reader).readerOf(new AvroCodec(writer), context)).toThrow(SchemaResolutionError);
  });

  it('one schema after another does not hear of the names before', () => {
    const schema = record(field('a', 'long'));
    expect(() => [new AvroCodec(schema), new AvroCodec(schema)]).not.toThrow();
  });
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
