// Bytes that end, or hold up, a process which trusts them.
import avsc from 'avsc';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import { DEFAULT_LIMITS } from '../../../lib/serialization/avro/shapes.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';
import type { ChildRow } from './child-row.js';

type Bytes = readonly [id: string, name: string, writer: AvroSchema, bytes: Buffer, text: string, reader?: AvroSchema];

const context = { topic: 't' };

/** A zigzag varint. */
function long(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

const all = (...parts: (Buffer | string)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)));
const array = (items: AvroSchema): AvroSchema => ({ type: 'array', items });
const record = (...fields: object[]): AvroSchema => ({ type: 'record', name: 'R', fields });
const a = { name: 'a', type: 'long' };
const A = record(a);
const removed = (type: AvroSchema) => record({ name: 'gone', type }, a);
const map: AvroSchema = { type: 'map', values: 'long' };
const node: AvroSchema = { type: 'record', name: 'N', fields: [{ name: 'next', type: ['null', 'N'] }] };
const manyDefaults = Array.from({ length: 30 }, (_, index) => ({ name: `m${index}`, type: map, default: {} }));
const decimal: AvroSchema = { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 };
const millis: AvroSchema = { type: 'long', logicalType: 'timestamp-millis' };
const enumeration: AvroSchema = { type: 'enum', name: 'E', symbols: ['A'] };

const huge = long(2n ** 40n);
const backwards = all(long(-1n), long(-2n), '00');
const deep = all(Buffer.alloc(100_000, 2), '00');

const MANY = 'more than 100000 items in arrays and maps';
const BACK = 'a block whose size is not that of the data';
const DEEP = 'records more than 500 deep in each other';
const CUT = 'the data is cut off';
const INT = 'expected an integer of 32 bits';

/** Every kind of item: of some a million take no byte, so that nothing ever runs out. */
const ITEMS: Readonly<Record<string, AvroSchema>> = {
  null: 'null',
  boolean: 'boolean',
  int: 'int',
  long: 'long',
  bigint: { type: 'long', js: 'bigint' },
  float: 'float',
  double: 'double',
  string: 'string',
  bytes: 'bytes',
  fixed: { type: 'fixed', name: 'F', size: 1 },
  enum: enumeration,
  array: array('null'),
  map,
  union: ['null', 'long'],
  logical: millis,
};

const COUNTS: readonly Bytes[] = Object.entries(ITEMS).map(([name, items]) => [
  `H01-${name}`,
  `an array of 3e8 items: ${name}`,
  array(items),
  long(300_000_000n),
  MANY,
]);

const BYTES: readonly Bytes[] = [
  ...COUNTS,
  ['H02', 'an array of 2^32-1 items', array('null'), long(2n ** 32n - 1n), MANY],
  ['H03', 'a map of 2^40 entries', map, huge, MANY],
  ['H04', 'an array of 3e8 records', array(record({ name: 'a', type: 'null' })), long(300_000_000n), MANY],
  ['H05', 'a removed array of 2^40 items, skipped', removed(array('null')), all(huge, '02'), MANY, A],
  ['H06', 'a removed map of 2^40 entries, skipped', removed(map), all(huge, '02'), MANY, A],
  ['H07', 'a skipped block whose size moves back', removed(array('long')), all(backwards, '00'), BACK, A],
  ['H08', 'a block whose size moves back', array('long'), backwards, BACK],
  ['H09', 'an array of 3e7 items', array('long'), long(30_000_000n), MANY],
  [
    'H10',
    'a megabyte of records with thirty defaults each',
    array(A),
    all(long(1_000_000n), Buffer.alloc(1_000_001)),
    MANY,
    array(record(a, ...manyDefaults)),
  ],
  ['H11', 'a text of 2^40 bytes', 'string', huge, CUT],
  ['H12', 'bytes of 2^40 bytes', 'bytes', huge, CUT],
  ['H13', 'a text of a negative length', 'string', long(-5n), CUT],
  ['H14', 'bytes of a negative length', 'bytes', long(-5n), CUT],
  ['H15', 'a number without an end', 'long', Buffer.alloc(1_000, 0xff), CUT],
  ['H16', 'records 100,000 deep', node, deep, DEEP],
  ['H17', 'records 100,000 deep, resolved', node, deep, DEEP, node],
  ['H18', 'records 100,000 deep, skipped', removed(node), all(deep, '02'), DEEP, A],
  ['H21', 'an int over 32 bits', 'int', huge, INT],
  ['H22', 'an int over 32 bits, read as a long', 'int', huge, INT, 'long'],
  [
    'H23',
    'a decimal of a megabyte',
    decimal,
    all(long(1_000_000n), Buffer.alloc(1_000_000, 0x7f)),
    'a decimal of more than 12 digits',
  ],
  ['H24', 'a time that is none', millis, long(2n ** 53n - 2n), 'a time that no Date holds'],
  ['H25', 'a union of a branch that is not there', ['null', 'long'], all('06'), 'invalid union index'],
  ['H26', 'an enum of a symbol that is not there', enumeration, all('04'), 'invalid E enum index'],
  ['H27', 'bytes behind the end', 'long', all('0202'), '(byte 1 of 2): the data goes on behind its end'],
  ['H28', 'nothing', 'long', all(), CUT],
  [
    'H29',
    'an array in a logical type that cannot be',
    { type: 'array', items: 'null', logicalType: 'uuid' },
    long(300_000_000n),
    MANY,
  ],
];

export const HOSTILE: readonly ChildRow[] = [
  ...BYTES.map(([id, name, writer, bytes, text, reader]) => {
    const run = () => {
      const from = new AvroCodec(writer);
      return reader ? new AvroCodec(reader).readerOf(from, context)(bytes, context) : from.decode(bytes, context);
    };
    return { id, name, run, outcome: 'AvroDecodeError', text };
  }),
  {
    id: 'H19',
    name: 'a key named `__proto__` is an entry like any other',
    run: readProto,
    outcome: 'none',
    text: '{"keys":["__proto__"],"isPlain":true}',
  },
  {
    id: 'H20',
    name: 'text that is not UTF-8 is read with replacement characters, as Node reads any text',
    run: () => new AvroCodec('string').decode(all('04ff61'), context),
    outcome: 'none',
    text: '"\ufffda"',
  },
  {
    id: 'H30',
    name: 'a datum larger than the bound is not looked at',
    run: () =>
      new AvroCodec('bytes', { limits: { ...DEFAULT_LIMITS, maxBytes: 10 } }).decode(Buffer.alloc(11), context),
    outcome: 'AvroDecodeError',
    text: '(byte 0 of 11): more than 10 bytes',
  },
  {
    id: 'H31',
    name: 'ten bytes that name a schema of a registry',
    run: () => registered(JSON.stringify(array('long')), long(300_000_000n)),
    outcome: 'AvroDecodeError',
    text: MANY,
  },
  {
    id: 'H32',
    name: 'a schema text without end',
    run: async () => (await import('./from-registry.js')).answerWithoutEnd(),
    outcome: 'RegistryUnavailableError',
    text: 'an answer of more than 1048576 bytes',
  },
  {
    id: 'H33',
    name: 'a schema nested without end',
    run: () => registered(`${'{"type":"array","items":'.repeat(20_000)}"long"${'}'.repeat(20_000)}`, all('00')),
    outcome: 'SchemaResolutionError',
    text: 'which is no Avro schema: Maximum call stack size exceeded',
  },
  {
    id: 'H34',
    name: 'a record’s name that would become code',
    run: () => registered('{"type":"record","name":"R; process.exit()","fields":[]}', all()),
    outcome: 'SchemaResolutionError',
    text: 'which is no Avro schema: invalid name',
  },
  {
    id: 'H35',
    name: 'a field’s name that would become code',
    run: () => registered(JSON.stringify(record({ name: 'a; process.exit()', type: 'long' })), all('02')),
    outcome: 'SchemaResolutionError',
    text: 'which is no Avro schema: invalid field name',
  },
];

/** What avsc by itself makes of the first row: the end of the process, or of anybody's patience. */
export const WITHOUT_GUARD: ChildRow = {
  id: 'raw',
  name: 'an array of 3e8 items without the guard',
  run: () => avsc.Type.forSchema({ type: 'array', items: 'long' }).fromBuffer(long(300_000_000n)),
  outcome: 'never',
  text: '',
};

function readProto(): object {
  const codec = new AvroCodec({ type: 'map', values: map });
  const read = codec.decode(all('02125f5f70726f746f5f5f', '020278020000'), context) as { readonly x?: unknown };
  const isPlain = Object.getPrototypeOf(read) === Object.prototype && read.x === undefined;
  return { keys: Object.keys(read), isPlain };
}

/** Loaded when it is needed: every other row starts faster without it. */
async function registered(schema: string, body: Buffer): Promise<unknown> {
  const { readRegistered } = await import('./from-registry.js');
  return readRegistered(schema, body);
}
