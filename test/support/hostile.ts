// Bytes that end a process which trusts them, and values that avsc would write as others. Run in a child of its own, with a small heap: `hostile.ts guarded`, or `hostile.ts raw <row>`.
import avsc from 'avsc';
import { AvroCodec } from '../../lib/serialization/avro/avro-codec.js';
import type { AvroSchema } from '../../lib/topic/topic.js';
import { SILENT_LOSSES } from './silent-losses.js';

interface Row {
  readonly name: string;
  readonly writer: AvroSchema;
  /** The schema that the bytes are read as; the writer's without it. */
  readonly reader?: AvroSchema;
  readonly bytes: Buffer;
}

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
const record = (name: string, ...fields: object[]): AvroSchema => ({ type: 'record', name, fields });
const map: AvroSchema = { type: 'map', values: 'long' };
const huge = 2n ** 40n;
const node: AvroSchema = { type: 'record', name: 'N', fields: [{ name: 'next', type: ['null', 'N'] }] };
const wide = Array.from({ length: 30 }, (_, index) => ({ name: `m${index}`, type: map, default: {} }));

export const ROWS: readonly Row[] = [
  { name: 'an array of 3e8 items', writer: array('long'), bytes: long(300_000_000n) },
  { name: 'an array of 2^32-1 items', writer: array('null'), bytes: long(2n ** 32n - 1n) },
  { name: 'an array of 3e7 items', writer: array('long'), bytes: long(30_000_000n) },
  { name: 'a map of 2^40 entries', writer: map, bytes: long(huge) },
  {
    name: 'an array of 3e8 records',
    writer: array(record('R', { name: 'a', type: 'null' })),
    bytes: long(300_000_000n),
  },
  {
    name: 'a removed array of 2^40 items, skipped',
    writer: record('R', { name: 'gone', type: array('null') }, { name: 'a', type: 'long' }),
    reader: record('R', { name: 'a', type: 'long' }),
    bytes: all(long(huge), '02'),
  },
  {
    name: 'a removed map of 2^40 entries, skipped',
    writer: record('R', { name: 'gone', type: map }, { name: 'a', type: 'long' }),
    reader: record('R', { name: 'a', type: 'long' }),
    bytes: all(long(huge), '02'),
  },
  {
    name: 'a skipped block whose size moves back',
    writer: record('R', { name: 'gone', type: array('long') }, { name: 'a', type: 'long' }),
    reader: record('R', { name: 'a', type: 'long' }),
    bytes: all(long(-1n), long(-2n), '0000'),
  },
  { name: 'a block whose size moves back', writer: array('long'), bytes: all(long(-1n), long(-2n), '00') },
  {
    name: 'a megabyte of records with thirty defaults each',
    writer: array(record('R', { name: 'a', type: 'long' })),
    reader: array(record('R', { name: 'a', type: 'long' }, ...wide)),
    bytes: all(long(1_000_000n), Buffer.alloc(1_000_001)),
  },
  { name: 'a text of 2^40 bytes', writer: 'string', bytes: long(huge) },
  { name: 'a text of a negative length', writer: 'string', bytes: long(-5n) },
  { name: 'bytes of 2^40 bytes', writer: 'bytes', bytes: long(huge) },
  { name: 'a number without an end', writer: 'long', bytes: Buffer.alloc(1_000, 0xff) },
  { name: 'records 100,000 deep', writer: node, bytes: all(Buffer.alloc(100_000, 2), '00') },
  { name: 'records 100,000 deep, resolved', writer: node, reader: node, bytes: all(Buffer.alloc(100_000, 2), '00') },
  { name: 'records 600 deep', writer: node, bytes: all(Buffer.alloc(600, 2), '00') },
  { name: 'a union of a branch that is not there', writer: ['null', 'long'], bytes: all('06') },
  {
    name: 'an enum of a symbol that is not there',
    writer: { type: 'enum', name: 'E', symbols: ['A'] },
    bytes: all('04'),
  },
  { name: 'bytes behind the end', writer: 'long', bytes: all('0202') },
  { name: 'nothing', writer: 'long', bytes: Buffer.alloc(0) },
  {
    name: 'an array in a logical type that cannot be',
    writer: { type: 'array', items: 'null', logicalType: 'uuid' },
    bytes: long(300_000_000n),
  },
];

function readGuarded({ writer, reader, bytes }: Row): string {
  const context = { topic: 't' };
  const from = new AvroCodec(writer);
  const read = reader === undefined ? from.decode.bind(from) : new AvroCodec(reader).readerOf(from, context);
  try {
    read(bytes, context);
    return 'was read';
  } catch (error) {
    return (error as Error).name;
  }
}

/** Whether the value is refused before anything is written of it. */
function writeGuarded({ schema, value }: (typeof SILENT_LOSSES)[number]): string {
  try {
    new AvroCodec(schema, { isOwn: true }).encode(value, { topic: 't' });
    return 'was written';
  } catch (error) {
    return (error as Error).name;
  }
}

function main(mode: string | undefined, name: string | undefined): void {
  if (mode === 'raw') {
    const row = ROWS.find((one) => one.name === name) as Row;
    avsc.Type.forSchema(row.writer as never).fromBuffer(row.bytes);
  }
  for (const row of ROWS) tell(row.name, () => readGuarded(row));
  for (const row of SILENT_LOSSES) tell(`lost: ${row.name}`, () => writeGuarded(row));
}

function tell(name: string, run: () => string): void {
  const start = performance.now();
  const outcome = run();
  console.log(JSON.stringify({ name, outcome, ms: Math.round(performance.now() - start) }));
}

if (process.argv[2] === 'guarded' || process.argv[2] === 'raw') main(process.argv[2], process.argv[3]);
