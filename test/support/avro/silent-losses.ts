// Values that avsc by itself writes as others, or drops a part of.
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';
import type { ChildRow } from './child-row.js';

const record = (...fields: object[]): AvroSchema => ({ type: 'record', name: 'R', namespace: 'x', fields });
const field = (name: string, type: unknown) => ({ name, type });
const decimal = { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 };
const lines = { type: 'array', items: { type: 'record', name: 'I', fields: [field('q', 'double')] } };

/** With what the error says. */
const rows: readonly (readonly [id: string, name: string, schema: AvroSchema, value: unknown, text: string])[] = [
  [
    'L01',
    'an ES Map',
    record(field('m', { type: 'map', values: 'long' })),
    { m: new Map([['a', 1]]) },
    'm: got an ES Map (give a plain object), expected map',
  ],
  [
    'L02',
    'a field that the schema has not',
    record(field('a', 'long')),
    { a: 1, b: 2 },
    '(message): no field for `b` in x.R (decorate it with @AvroField, or leave it out)',
  ],
  ['L03', 'NaN', record(field('a', 'double')), { a: Number.NaN }, 'a: got `NaN` (number), expected double'],
  ['L04', 'NaN as a float', record(field('a', 'float')), { a: Number.NaN }, 'a: got `NaN` (number), expected float'],
  ['L05', 'Infinity', record(field('a', 'double')), { a: Infinity }, 'a: got `Infinity` (number), expected double'],
  [
    'L06',
    'Infinity as a float',
    record(field('a', 'float')),
    { a: -Infinity },
    'a: got `-Infinity` (number), expected float',
  ],
  ['L07', '1e300 as a float', record(field('a', 'float')), { a: 1e300 }, 'a: got `1e+300` (number), expected float'],
  ['L08', 'half a surrogate pair', record(field('a', 'string')), { a: 'x\ud800' }, 'expected string'],
  [
    'L09',
    'half a pair in a map of texts',
    { type: 'map', values: 'string' },
    { k: '\udc00' },
    'k: got `\udc00` (string), expected string',
  ],
  [
    'L10',
    'half a pair in the key of a map',
    { type: 'map', values: 'long' },
    { 'k\udc00': 1 },
    'got a map with half a surrogate pair in a key, expected map',
  ],
  [
    'L11',
    'undefined for a nullable field without default',
    record(field('a', ['null', 'long'])),
    {},
    'a: got `undefined` (undefined)',
  ],
  ['L13', 'null for a record', record(field('a', 'long')), null, '(message): got `null` (null), expected x.R'],
  [
    'L14',
    'undefined for a record',
    record(field('a', 'long')),
    undefined,
    '(message): got `undefined` (undefined), expected x.R',
  ],
  ['L15', 'a bigint for a plain long', record(field('a', 'long')), { a: 1n }, 'a: got `1n` (bigint), expected long'],
  [
    'L16',
    'a number beyond 2^53',
    record(field('a', 'long')),
    { a: 2 ** 53 },
    'a: got `9007199254740992` (number), expected long',
  ],
  [
    'L17',
    'a bigint beyond 64 bits',
    record(field('a', { type: 'long', js: 'bigint' })),
    { a: 2n ** 63n },
    'a: got `9223372036854775808n` (bigint)',
  ],
  [
    'L18',
    'an invalid Date',
    record(field('a', { type: 'long', logicalType: 'timestamp-millis' })),
    { a: new Date(Number.NaN) },
    'a: got an invalid Date, expected logical:timestamp-millis',
  ],
  ['L19', 'a decimal with too many places', record(field('a', decimal)), { a: '1.234' }, 'a: got `1.234` (string)'],
  ['L20', 'a decimal with too many digits', record(field('a', decimal)), { a: '123.45' }, 'a: got `123.45` (string)'],
  [
    'L21',
    'a day that is none',
    record(field('a', { type: 'int', logicalType: 'date' })),
    { a: '2023-02-29' },
    'a: got `2023-02-29` (string)',
  ],
  [
    'L22',
    'a value deep inside',
    record(field('lines', lines)),
    { lines: [{ q: 1 }, { q: '2' }] },
    'lines.1.q: got `2` (string), expected double',
  ],
  [
    'L23',
    'an int over 32 bits',
    record(field('a', 'int')),
    { a: 2 ** 31 },
    'a: got `2147483648` (number), expected int',
  ],
  ['L24', 'a Set for a map', { type: 'map', values: 'long' }, new Set([1]), 'got an ES Set (give a plain object)'],
  [
    'L25',
    'an ES Map for a record',
    record({ ...field('a', ['null', 'long']), default: null }),
    new Map([['a', 1]]),
    'an ES Map (give a plain object); expected a record x.R',
  ],
];

const write = (schema: AvroSchema, value: unknown) =>
  new AvroCodec(schema, { isOwn: true }).encode(value, { topic: 't' }).toString('hex');

export const SILENT_LOSSES: readonly ChildRow[] = [
  ...rows.map(([id, name, schema, value, text]) => {
    return { id, name, run: () => write(schema, value), outcome: 'AvroEncodeError', text };
  }),
  {
    id: 'L12',
    name: 'undefined for a nullable field whose default is null is null',
    run: () => write(record({ ...field('a', ['null', 'long']), default: null }), {}),
    outcome: 'none',
    text: '"00"',
  },
];
