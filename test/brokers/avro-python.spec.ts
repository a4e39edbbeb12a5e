import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AvroCodec } from '../../lib/serialization/avro/avro-codec.js';
import { avroSchemaOf } from '../../lib/avro/index.js';
import { avroModelOf } from '../../lib/serialization/avro/avro-model.js';
import type { AvroSchema } from '../../lib/topic/topic.js';
import { APACHE_FILES, readContainer, writeContainer } from '../support/avro/containers.js';
import { order, Order } from '../support/avro-models.js';

const PYTHON = '/usr/bin/python3';
const HINT = 'Apache Avro for Python is missing; install python3-avro';

/** Whether the other implementation is here; where `CI` is set its absence is an error. */
function hasPeer(): boolean {
  if (spawnSync(PYTHON, ['-c', 'import avro.io'], { stdio: 'ignore' }).status === 0) return true;
  if (process.env['CI']) throw new Error(HINT);
  console.warn(`the cross-check of Avro is skipped: ${HINT}`);
  return false;
}

interface Answer {
  readonly hex: string;
  readonly rest: number;
  readonly value: unknown;
}

/** What Python reads of these bytes, and writes of what it read. */
function peer(schema: AvroSchema, messages: readonly Buffer[]): Answer[] {
  const lines = messages.map((bytes) => JSON.stringify({ schema, hex: bytes.toString('hex') }));
  return answersOf<Answer>('avro_peer.py', lines);
}

/** One line of JSON for each line. */
function answersOf<One>(script: string, lines: readonly string[]): One[] {
  const input = lines.join('\n');
  const options = { input, encoding: 'utf8', maxBuffer: 100_000_000 } as const;
  const { stdout, stderr, status } = spawnSync(PYTHON, [`test/support/${script}`], options);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as One);
}

describe.runIf(hasPeer())('Apache Avro in Python', () => {
  const context = { topic: 't' };

  it('reads what a class wrote, and what it writes we read', () => {
    const codec = new AvroCodec(avroSchemaOf(Order), { shapes: avroModelOf(Order)?.shapes ?? new Map(), isOwn: true });
    const [answer] = peer(codec.schema, [codec.encode(order(7), context)]);
    expect(answer?.rest).toBe(0);
    expect(answer?.value).toMatchObject({
      id: 7,
      customer_id: 9_007_199_254_740_992,
      total: '12.34',
      color: 'BLUE',
      lines: [{ sku: 'a', count: 2 }],
    });
    const read = codec.decode(Buffer.from(answer?.hex ?? '', 'hex'), context);
    expect(read).toEqual(Object.assign(order(7), { note: null }));
  });

  it('agrees on three thousand random records of all types, byte for byte', () => {
    const field = (name: string, type: unknown) => ({ name, type });
    const schema: AvroSchema = {
      type: 'record',
      name: 'R',
      fields: [
        field('i', 'int'),
        field('l', 'long'),
        field('big', { type: 'long', js: 'bigint' }),
        field('f', 'double'),
        field('s', 'string'),
        field('b', 'boolean'),
        field('n', ['null', 'string']),
        field('list', { type: 'array', items: 'long' }),
        field('map', { type: 'map', values: 'int' }),
        field('e', { type: 'enum', name: 'E', symbols: ['A', 'B'] }),
        field('single', 'float'),
        field('bytes', 'bytes'),
        field('fixed', { type: 'fixed', name: 'F', size: 3 }),
        field('inner', ['null', { type: 'record', name: 'I', fields: [field('a', 'long')] }]),
        field('millis', { type: 'long', logicalType: 'timestamp-millis' }),
        field('micros', { type: 'long', logicalType: 'timestamp-micros' }),
        field('day', { type: 'int', logicalType: 'date' }),
        field('time', { type: 'int', logicalType: 'time-millis' }),
        field('uuid', { type: 'string', logicalType: 'uuid' }),
      ],
    };
    const long = fc.maxSafeInteger().filter((n) => Math.abs(n) < Number.MAX_SAFE_INTEGER);
    const bytes = (size: fc.IntArrayConstraints) => fc.uint8Array(size).map((one) => Buffer.from(one));
    const date = fc.date({ min: new Date('1971-01-01'), max: new Date('2999-01-01'), noInvalidDate: true });
    const values = fc.sample(
      fc.record({
        i: fc.integer(),
        l: long,
        big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        f: fc.double({ noNaN: true, noDefaultInfinity: true }),
        s: fc.string({ unit: 'grapheme' }),
        b: fc.boolean(),
        n: fc.option(fc.string()),
        list: fc.array(long),
        map: fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true }),
        e: fc.constantFrom('A', 'B'),
        single: fc.float({ noNaN: true, noDefaultInfinity: true }),
        bytes: bytes({}),
        fixed: bytes({ minLength: 3, maxLength: 3 }),
        inner: fc.option(fc.record({ a: long })),
        millis: date,
        micros: date.map((at) => BigInt(at.getTime()) * 1_000n + 7n),
        day: date.map((at) => at.toISOString().slice(0, 10)),
        time: fc.integer({ min: 0, max: 86_399_999 }),
        uuid: fc.uuid(),
      }),
      3_000,
    );
    const codec = new AvroCodec(schema, { isOwn: true });
    const written = values.map((value) => codec.encode(value, context));
    const answers = peer(schema, written);
    expect(answers.map(({ hex }) => hex)).toEqual(written.map((bytes) => bytes.toString('hex')));
    expect(answers.every(({ rest }) => rest === 0)).toBe(true);
  });

  it('reads the files that we write, and we read the files that it writes', () => {
    const read = Object.values(APACHE_FILES).map((file) => readContainer(Buffer.from(file, 'base64')));
    const own = read.map((one) => writeContainer(one).toString('base64'));
    const answers = answersOf<{ records: unknown[]; file: string }>('avro_container_peer.py', own);
    expect(answers.map(({ records }) => records)).toEqual(read.map(({ records }) => records));
    const written = answers.map(({ file }) => readContainer(Buffer.from(file, 'base64')));
    expect(written.map(({ records }) => records)).toEqual(read.map(({ records }) => records));
    expect(written.map(({ codec }) => codec)).toEqual(read.map(() => 'deflate'));
  });
});
