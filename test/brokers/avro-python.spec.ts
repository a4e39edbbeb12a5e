import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AvroCodec } from '../../lib/serialization/avro/avro-codec.js';
import { avroSchemaOf } from '../../lib/avro/index.js';
import { avroModelOf } from '../../lib/serialization/avro/avro-model.js';
import type { AvroSchema } from '../../lib/topic/topic.js';
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
  const input = messages.map((bytes) => JSON.stringify({ schema, hex: bytes.toString('hex') })).join('\n');
  const { stdout, stderr, status } = spawnSync(PYTHON, ['test/support/avro_peer.py'], { input, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
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

  it('agrees on a thousand random records, byte for byte', () => {
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
      ],
    };
    const long = fc.maxSafeInteger().filter((n) => Math.abs(n) < Number.MAX_SAFE_INTEGER);
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
      }),
      1_000,
    );
    const codec = new AvroCodec(schema, { isOwn: true });
    const written = values.map((value) => codec.encode(value, context));
    const answers = peer(schema, written);
    expect(answers.map(({ hex }) => hex)).toEqual(written.map((bytes) => bytes.toString('hex')));
    expect(answers.every(({ rest }) => rest === 0)).toBe(true);
  });
});
