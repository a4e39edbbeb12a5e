import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeaderList } from '../../../lib/core/headers.js';
import type { OutgoingRecord } from '../../../lib/core/message.js';
import type { EntryFormat } from '../../../lib/driver/redis/redis.fields.js';
import { entryFormatOf } from '../../../lib/driver/redis/redis.formats.js';
import { redisOptions, type RedisOptions } from '../../../lib/options/redis.options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { record } from '../../support/records.js';

type Name = NonNullable<RedisOptions['entryFormat']>;

const NAMES: readonly Name[] = ['default', 'faststream-json', 'redpanda'];
const BINARY = Buffer.from([0xff, 0xfe]);

const formatOf = (entryFormat: Name, payloadField?: string): EntryFormat =>
  entryFormatOf(resolveOptions(redisOptions, { path: '', input: { entryFormat, payloadField }, faults: [] }));
const fieldsOf = (...texts: readonly (string | Buffer)[]): Buffer[] => texts.map((text) => Buffer.from(text as string));
const headersOf = (headers: Readonly<Record<string, string>>): HeaderList =>
  Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]);
const read = (format: EntryFormat, ...texts: readonly (string | Buffer)[]) => {
  const { key, value, headers, timestamp } = format.read(fieldsOf(...texts));
  const pairs = headers.map(([name, content]) => [name, String(content)]);
  return { key: key && String(key), value: value && String(value), headers: Object.fromEntries(pairs), timestamp };
};
/** What comes back of a record. */
const through = (format: EntryFormat, own: OutgoingRecord): OutgoingRecord => {
  const { key, value, headers, timestamp } = format.read(fieldsOf(...format.write(own, 'm-1')));
  return { topic: own.topic, key, value, headers, ...(timestamp !== undefined && { timestamp }) };
};

const order = record('orders', '{"id":1}', {
  key: 'customer-7',
  timestamp: 1_700_000_000_000,
  headers: headersOf({ source: 'web' }),
});

describe('entries in the default format', () => {
  it('have the fields that the docs name', () => {
    expect(formatOf('default').write(order, 'm-1')).toEqual([
      'id',
      'm-1',
      'data',
      '{"id":1}',
      'key',
      'customer-7',
      'ts',
      '1700000000000',
      'h:source',
      'web',
    ]);
    expect(formatOf('default', 'body').write(record('orders', null), 'm-1')).toEqual(['id', 'm-1', 'null', '1']);
  });

  it('tell the content type in `ct`, and none where the sender gave none', () => {
    const format = formatOf('default');
    const own = record('orders', 'x', { headers: headersOf({ a: '1', 'content-type': 'text/csv', b: '2' }) });
    expect(format.write(own, 'm-1')).toEqual(['id', 'm-1', 'data', 'x', 'h:a', '1', 'ct', 'text/csv', 'h:b', '2']);
    expect(through(format, own)).toEqual(own);
    expect(format.write(record('orders', '{}'), 'm-1')).not.toContain('ct');
    expect(read(format, 'data', 'x', 'ct', 'text/csv').headers).toEqual({ 'content-type': 'text/csv' });
  });
});

/** The texts in `__data__` are those that FastStream 0.5.34 and 0.6.3 write. */
describe('entries of FastStream', () => {
  const format = formatOf('faststream-json');
  const JSON_ENVELOPE =
    '{"data": "{\\"id\\": 1, \\"name\\": \\"Zo\\\\u00eb\\"}", "headers": {"correlation_id": "c-1", "content-type": "application/json", "source": "web"}}';
  const BINARY_ENVELOPE = Buffer.from(
    '8942494e0d0a1a0a000100000012000000360002000e636f7272656c6174696f6e5f69640003632d310006736f757263650003776562fffe',
    'hex',
  );

  it('are read', () => {
    expect(read(format, '__data__', JSON_ENVELOPE)).toEqual({
      key: null,
      value: '{"id": 1, "name": "Zo\\u00eb"}',
      headers: { correlation_id: 'c-1', 'content-type': 'application/json', source: 'web' },
      timestamp: undefined,
    });
    const text =
      '{"data": "h\\u00e4llo", "headers": {"correlation_id": "c-1", "content-type": "text/plain", "reply_to": "replies"}}';
    expect(read(format, '__data__', text)).toMatchObject({
      value: 'hällo',
      headers: { correlation_id: 'c-1', 'content-type': 'text/plain', reply_to: 'replies' },
    });
  });

  it('are read in its binary format too, which its newer versions write', () => {
    const { value, headers } = format.read(fieldsOf('__data__', BINARY_ENVELOPE));
    expect({ value, headers }).toEqual({ value: BINARY, headers: headersOf({ correlation_id: 'c-1', source: 'web' }) });
  });

  it.each([
    ['headers that are no texts', '{"data": "x", "headers": {"n": 3, "z": null}}', 'x', { n: '3', z: 'null' }],
    ['no headers', '{"data": "x"}', 'x', {}],
    [
      'a value that is no text, and so no envelope',
      '{"data":{"a":1},"headers":{}}',
      '{"data":{"a":1},"headers":{}}',
      {},
    ],
    ['no envelope', 'plain', 'plain', {}],
    ['an envelope that was cut', BINARY_ENVELOPE.subarray(0, 30), String(BINARY_ENVELOPE.subarray(0, 30)), {}],
    ['an envelope of another version', '{"v": 2}', '{"v": 2}', {}],
  ])('may have %s', (_what, envelope, value, headers) => {
    expect(read(format, '__data__', envelope)).toMatchObject({ value, headers });
  });

  it('without the field are the object of all they have', () => {
    expect(read(format, 'sensor', '7', 'h:a', 'b').value).toBe('{"sensor":"7","h:a":"b"}');
  });

  it('are written as it reads them, with what it has no place for beside', () => {
    expect(format.write(order, 'm-1')).toEqual(
      [
        ['id', 'm-1', '__data__', '{"data":"{\\"id\\":1}","headers":{"source":"web"}}'],
        ['key', 'customer-7', 'ts', '1700000000000'],
      ].flat(),
    );
    expect(format.write(record('orders', null), 'm-1')).toEqual([
      'id',
      'm-1',
      'null',
      '1',
      '__data__',
      '{"data":"","headers":{}}',
    ]);
  });

  it('are binary where JSON has no bytes for the value', () => {
    const own = record('orders', BINARY, { headers: headersOf({ correlation_id: 'c-1', source: 'web' }) });
    expect(format.write(own, 'm-1')).toEqual(['id', 'm-1', '__data__', BINARY_ENVELOPE]);
  });

  it.each<readonly [string, OutgoingRecord, string]>([
    [
      'repeated header',
      record('orders', 'x', { headers: [...headersOf({ tag: 'a' }), ...headersOf({ tag: 'b' })] }),
      'The header `tag` is repeated, and FastStream has one of a name. Send one value.',
    ],
    [
      'header of bytes',
      record('orders', 'x', { headers: [['tag', BINARY]] }),
      'The header `tag` is not UTF-8, and the headers of FastStream are texts. Encode it, as base64 for one.',
    ],
    [
      'long header beside a value of bytes',
      record('orders', BINARY, { headers: headersOf({ tag: 'x'.repeat(65_536) }) }),
      'The header `tag` has 65536 bytes; beside a value that is not UTF-8 FastStream takes 65535. Shorten it.',
    ],
  ])('cannot have a %s, and say so', (_what, own, text) => {
    expect(format.refusal?.(own)).toBe(text);
  });
});

/** As its `redis_streams` input and output have them in Redpanda Connect 4. */
describe('entries of Redpanda Connect', () => {
  const format = formatOf('redpanda');

  it('are read, each field but the body a header', () => {
    expect(read(format, 'id', '7', 'body', '{"id":1}', 'kafka_key', 'k')).toEqual({
      key: null,
      value: '{"id":1}',
      headers: { id: '7', kafka_key: 'k' },
      timestamp: undefined,
    });
    expect(read(format, 'a', '1', 'a', '2', 'body', 'x').headers).toEqual({ a: '2' });
    expect(read(formatOf('redpanda', 'payload'), 'payload', 'x', 'body', 'y')).toMatchObject({
      value: 'x',
      headers: { body: 'y' },
    });
  });

  it('without a body are the object of all they have', () => {
    expect(read(format, 'sensor', '7', 'x-key', 'k')).toMatchObject({ value: '{"sensor":"7"}', key: 'k', headers: {} });
  });

  it('are written with a body always, since it never acknowledges one without', () => {
    expect(format.write(order, 'm-1')).toEqual(
      [
        ['x-message-id', 'm-1', 'body', '{"id":1}', 'x-key', 'customer-7', 'x-timestamp', '1700000000000'],
        ['source', 'web'],
      ].flat(),
    );
    expect(format.write(record('orders', null), 'm-1')).toEqual([
      'x-message-id',
      'm-1',
      'body',
      '',
      'x-tombstone',
      '1',
    ]);
  });

  it.each<readonly [string, HeaderList, string]>([
    [
      'repeated header',
      [...headersOf({ tag: 'a' }), ...headersOf({ tag: 'b' })],
      'The header `tag` is repeated, and Redpanda Connect has one of a name. Send one value.',
    ],
    [
      'header with the name of the body',
      headersOf({ body: 'a' }),
      'The field `body` is not for a header. Rename the header.',
    ],
    [
      'header with the name of a field that is ours',
      headersOf({ 'x-key': 'a' }),
      'The field `x-key` is not for a header. Rename the header.',
    ],
  ])('cannot have a %s, and say so', (_what, headers, text) => {
    expect(format.refusal?.(record('orders', 'x', { headers }))).toBe(text);
  });
});

describe.each(NAMES)('the format %s', (name) => {
  const format = formatOf(name);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map(Buffer.from),
    fc.string().map((text) => Buffer.from(text)),
  );
  const anyName = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('__proto__', 'content-type', 'id', 'h:a', '1'),
  );

  it('loses nothing: a record comes back as it was, or is refused', () => {
    const anyRecord = fc.record({
      value: fc.option(bytes),
      key: fc.option(bytes.filter(({ length }) => length > 0)),
      timestamp: fc.option(fc.nat(), { nil: undefined }),
      headers: fc.array(fc.tuple(anyName, bytes), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(anyRecord, ({ timestamp, ...rest }) => {
        const own: OutgoingRecord = { topic: 'orders', ...rest, ...(timestamp !== undefined && { timestamp }) };
        if (format.refusal?.(own) !== undefined) return;
        expect(sorted(through(format, own))).toEqual(sorted(own));
      }),
      { numRuns: 500 },
    );
  });

  it('can write whatever it reads, since it may become a dead letter', () => {
    const names = [
      'data',
      '__data__',
      'body',
      'null',
      'key',
      'ts',
      'ct',
      'h:a',
      'a',
      'x-key',
      'x-tombstone',
      'x-timestamp',
    ];
    const pair = fc.tuple(
      fc.constantFrom(...names).map((text) => Buffer.from(text)),
      bytes,
    );
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 8 }), (pairs) => {
        const found = format.read(pairs.flat());
        expect(format.refusal?.({ topic: 'orders', ...found })).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

/** An object that was JSON has names that are numbers first. */
function sorted({ headers, ...own }: OutgoingRecord): unknown {
  return { ...own, headers: headers.toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)) };
}
