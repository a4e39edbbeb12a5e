import type { AvroSchema } from '../../lib/topic/topic.js';

/** A value that avsc by itself writes as another one, or drops a part of. */
interface SilentLoss {
  readonly name: string;
  readonly schema: AvroSchema;
  readonly value: unknown;
  /** What the error says of it. */
  readonly path: string;
}

const record = (...fields: object[]): AvroSchema => ({ type: 'record', name: 'R', namespace: 'x', fields });
const field = (name: string, type: unknown) => ({ name, type });
const lines = { type: 'array', items: { type: 'record', name: 'I', fields: [field('q', 'double')] } };

const rows: readonly (readonly [string, AvroSchema, unknown, string])[] = [
  [
    'an ES Map',
    record(field('m', { type: 'map', values: 'long' })),
    { m: new Map([['a', 1]]) },
    'm: got an ES Map (give a plain object), expected map',
  ],
  [
    'a field that the schema has not',
    record(field('a', 'long')),
    { a: 1, b: 2 },
    '(message): no field for `b` in x.R (decorate it with @AvroField, or leave it out)',
  ],
  ['NaN', record(field('a', 'double')), { a: Number.NaN }, 'a: got `NaN` (number), expected double'],
  ['Infinity', record(field('a', 'float')), { a: Infinity }, 'a: got `Infinity` (number), expected float'],
  ['a float too large', record(field('a', 'float')), { a: 1e300 }, 'a: got `1e+300` (number), expected float'],
  ['half a surrogate pair', record(field('a', 'string')), { a: 'x\ud800' }, 'expected string'],
  ['half a pair in a text map', { type: 'map', values: 'string' }, { k: '\udc00' }, 'expected string'],
  [
    'undefined for a nullable field without default',
    record(field('a', ['null', 'long'])),
    {},
    'a: got `undefined` (undefined)',
  ],
  ['null for a record', record(field('a', 'long')), null, '(message): got `null` (null), expected x.R'],
  [
    'undefined for a record',
    record(field('a', 'long')),
    undefined,
    '(message): got `undefined` (undefined), expected x.R',
  ],
  ['a bigint for a plain long', record(field('a', 'long')), { a: 1n }, 'a: got `1n` (bigint), expected long'],
  [
    'a number beyond 2^53',
    record(field('a', 'long')),
    { a: 2 ** 53 },
    'a: got `9007199254740992` (number), expected long',
  ],
  [
    'a bigint beyond 64 bits',
    record(field('a', { type: 'long', js: 'bigint' })),
    { a: 2n ** 63n },
    'a: got `9223372036854775808n` (bigint)',
  ],
  [
    'an invalid Date',
    record(field('a', { type: 'long', logicalType: 'timestamp-millis' })),
    { a: new Date(Number.NaN) },
    'a: got an invalid Date, expected logical:timestamp-millis',
  ],
  [
    'a decimal with too many places',
    record(field('a', { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 })),
    { a: '1.234' },
    'a: got `1.234` (string)',
  ],
  [
    'a decimal with too many digits',
    record(field('a', { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 })),
    { a: '123.45' },
    'a: got `123.45` (string)',
  ],
  [
    'a day that is none',
    record(field('a', { type: 'int', logicalType: 'date' })),
    { a: '2023-02-29' },
    'a: got `2023-02-29` (string)',
  ],
  [
    'a value deep inside',
    record(field('lines', lines)),
    { lines: [{ q: 1 }, { q: '2' }] },
    'lines.1.q: got `2` (string), expected double',
  ],
];

export const SILENT_LOSSES: readonly SilentLoss[] = rows.map(([name, schema, value, path]) => ({
  name,
  schema,
  value,
  path,
}));
