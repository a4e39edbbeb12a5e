// Bytes that other implementations wrote: the Avro specification, Apache Avro in Java and Python, Confluent's and franz-go's serializers.
import { describe, expect, it } from 'vitest';
import { frame, unframe } from '../../../lib/registry/wire-format.js';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import { fingerprintOf, fromSingleObject, toSingleObject } from '../../../lib/serialization/avro/single-object.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';
import { APACHE_FILES, dataOf, readContainer, writeContainer } from '../../support/avro/containers.js';

const context = { topic: 't' };
const hex = (text: string) => Buffer.from(text, 'hex');
const record = (...fields: [string, AvroSchema][]): AvroSchema => ({
  type: 'record',
  name: 'R',
  fields: fields.map(([name, type]) => ({ name, type })),
});
const bigint: AvroSchema = { type: 'long', js: 'bigint' };
const logical = (type: string, logicalType: string, more: object = {}): AvroSchema => ({ type, logicalType, ...more });
const decimal = logical('bytes', 'decimal', { precision: 12, scale: 2 });

describe('the same bytes as other implementations', () => {
  it.each<[string, AvroSchema, unknown, string]>([
    ['specification: a record', record(['a', 'long'], ['b', 'string']), { a: 27, b: 'foo' }, '3606666f6f'],
    ['specification: an array', { type: 'array', items: 'long' }, [3, 27], '04063600'],
    ['specification: a union', ['null', 'string'], 'a', '020261'],
    ['specification: null in a union', ['null', 'string'], null, '00'],
    ['Python: 64', 'long', 64, '8001'],
    ['Python: 8192', 'long', 8192, '808001'],
    ['Python: -8193', 'long', -8193, '818001'],
    [
      'Python: an event',
      record(['user_id', 'long'], ['action', 'string'], ['timestamp', 'string']),
      { user_id: 1, action: 'login', timestamp: '2024-01-01T00:00:00Z' },
      '020a6c6f67696e28323032342d30312d30315430303a30303a30305a',
    ],
    ['Python: 2^53-1', bigint, 2n ** 53n - 1n, 'feffffffffffff1f'],
    ['Python: -2^63', bigint, -(2n ** 63n), 'ffffffffffffffffff01'],
    ['Python: 2^63-1', bigint, 2n ** 63n - 1n, 'feffffffffffffffff01'],
    ['Python: -2^31', 'int', -(2 ** 31), 'ffffffff0f'],
    ['Python: -64', 'int', -64, '7f'],
    ['Python: 64 as an int', 'int', 64, '8001'],
    ['Python: pi', 'double', Math.PI, '182d4454fb210940'],
    ['Python: 1.5', 'float', 1.5, '0000c03f'],
    ['Python: text', 'string', 'h\u00e9\u20ac\u{1f600}', '1468c3a9e282acf09f9880'],
    ['Python: bytes', 'bytes', hex('00ff'), '0400ff'],
    ['Python: milliseconds', logical('long', 'timestamp-millis'), new Date('2024-01-01T00:00:00.123Z'), 'f6d18fa59863'],
    ['Python: microseconds', logical('long', 'timestamp-micros'), 1_704_067_200_123_456n, '80899882e2f58606'],
    ['Python: a day', logical('int', 'date'), '2024-02-29', '8cb502'],
    ['Python: a time', logical('int', 'time-millis'), 45_296_789, 'aab2992b'],
    ['Python: 12.34', decimal, '12.34', '0404d2'],
    ['Python: -0.01', decimal, '-0.01', '02ff'],
    ['Python: 0.00', decimal, '0.00', '0200'],
    ['Python: a map', { type: 'map', values: 'long' }, { a: 1 }, '0202610200'],
    ['Python: an enum', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', '02'],
  ])('%s', (_what, schema, value, bytes) => {
    const codec = new AvroCodec(schema, { isOwn: true });
    expect(codec.encode(value, context).toString('hex')).toBe(bytes);
    expect(codec.decode(hex(bytes), context)).toEqual(value);
  });

  it('a decimal with more bytes than it needs, as Python writes it, is the same number', () => {
    expect(new AvroCodec(decimal).decode(hex('04ff80'), context)).toBe('-1.28');
  });

  it('a message that Java wrote as a single object (Apache Avro, messageV1)', () => {
    const schema: AvroSchema = {
      type: 'record',
      name: 'TestMessage',
      namespace: 'org.apache.avro',
      fields: [
        { name: 'id', type: 'long' },
        { name: 'name', type: 'string' },
        { name: 'tags', type: { type: 'array', items: 'string' } },
      ],
    };
    const body = '540842696c6c0412646f675f6c6f766572126361745f686174657200';
    const codec = new AvroCodec(schema);
    const value = { id: 42, name: 'Bill', tags: ['dog_lover', 'cat_hater'] };
    expect(codec.encode(value, context).toString('hex')).toBe(body);
    const single = fromSingleObject(hex(`c301a92de1f8a242f53d${body}`));
    expect(fingerprintOf(codec.canonical).toString('hex')).toBe('a92de1f8a242f53d');
    expect(codec.decode(single?.body ?? Buffer.alloc(0), context)).toEqual(value);
  });

  it.each<[string, bigint]>([
    ['null', 7195948357588979594n],
    ['boolean', -6970731678124411036n],
    ['int', 8247732601305521295n],
    ['long', -3434872931120570953n],
    ['float', 5583340709985441680n],
    ['double', -8181574048448539266n],
    ['bytes', 5746618253357095269n],
    ['string', -8142146995180207161n],
  ])('the fingerprint that Apache Avro has of %s, however it is written', (name, expected) => {
    for (const schema of [name, { type: name }]) {
      const { canonical } = new AvroCodec(schema);
      expect(canonical).toBe(`"${name}"`);
      const fingerprint = fingerprintOf(canonical);
      expect(fingerprint.readBigInt64LE()).toBe(expected);
      expect(fromSingleObject(toSingleObject(fingerprint, hex('01')))).toEqual({ fingerprint, body: hex('01') });
    }
  });

  const foo = { type: 'record', name: 'foo', fields: [] };
  const FOO = '{"name":"foo","type":"record","fields":[]}';
  const pig = {
    type: 'record',
    name: 'PigValue',
    fields: [{ name: 'value', type: ['null', 'int', 'long', 'PigValue'] }],
  };
  it.each<[AvroSchema, string, bigint]>([
    [['int'], '["int"]', -5232228896498058493n],
    [['int', { type: 'boolean' }], '["int","boolean"]', 5392556393470105090n],
    [foo, FOO, -4824392279771201922n],
    [{ ...foo, namespace: 'x.y' }, '{"name":"x.y.foo","type":"record","fields":[]}', 5916914534497305771n],
    [
      { ...foo, name: 'a.b.foo', namespace: 'x.y' },
      '{"name":"a.b.foo","type":"record","fields":[]}',
      -4616218487480524110n,
    ],
    [{ ...foo, doc: 'Useful info' }, FOO, -4824392279771201922n],
    [{ ...foo, aliases: ['foo', 'bar'] }, FOO, -4824392279771201922n],
    [{ ...foo, doc: 'foo', aliases: ['foo', 'bar'] }, FOO, -4824392279771201922n],
    [
      { ...foo, fields: [{ type: { type: 'boolean' }, name: 'f1' }] },
      '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"}]}',
      7843277075252814651n,
    ],
    [
      {
        ...foo,
        fields: [
          { type: 'boolean', aliases: [], name: 'f1', default: true },
          { order: 'descending', name: 'f2', doc: 'Hello', type: 'int' },
        ],
      },
      '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"},{"name":"f2","type":"int"}]}',
      -4860222112080293046n,
    ],
    [
      { type: 'enum', name: 'foo', symbols: ['A1'] },
      '{"name":"foo","type":"enum","symbols":["A1"]}',
      -6342190197741309591n,
    ],
    [
      { namespace: 'x.y.z', type: 'enum', name: 'foo', doc: 'foo bar', symbols: ['A1', 'A2'] },
      '{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}',
      -4448647247586288245n,
    ],
    [{ name: 'foo', type: 'fixed', size: 15 }, '{"name":"foo","type":"fixed","size":15}', 1756455273707447556n],
    [
      { namespace: 'x.y.z', type: 'fixed', name: 'foo', doc: 'foo bar', size: 32 },
      '{"name":"x.y.z.foo","type":"fixed","size":32}',
      -3064184465700546786n,
    ],
    [{ items: { type: 'null' }, type: 'array' }, '{"type":"array","items":"null"}', -589620603366471059n],
    [{ values: 'string', type: 'map' }, '{"type":"map","values":"string"}', -8732877298790414990n],
    [
      pig,
      '{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}',
      -1759257747318642341n,
    ],
  ])('the canonical form and the fingerprint that Apache Avro has of %j', (schema, canonical, expected) => {
    const codec = new AvroCodec(schema);
    expect(codec.canonical).toBe(canonical);
    expect(fingerprintOf(codec.canonical).readBigInt64LE()).toBe(expected);
  });
});

const WEATHER = [
  { station: '011990-99999', time: -619_524_000_000, temp: 0 },
  { station: '011990-99999', time: -619_506_000_000, temp: 22 },
  { station: '011990-99999', time: -619_484_400_000, temp: -11 },
  { station: '012650-99999', time: -655_531_200_000, temp: 111 },
  { station: '012650-99999', time: -655_509_600_000, temp: 78 },
];

describe('the records of files that Apache Avro’s own tests read', () => {
  it.each<[keyof typeof APACHE_FILES, unknown[]]>([
    ['weather.avro', WEATHER],
    ['weather-sorted.avro', WEATHER.toSorted((a, b) => a.time - b.time)],
    ['schemas/simple/data.avro', [{ text: 'hello' }, { text: 'bonjour' }, { text: 'guten tag' }]],
    [
      'schemas/withUnion/data.avro',
      [
        { data1: 'textValue', data2: null },
        { data1: 123, data2: { d1: false } },
        { data1: 3, data2: { d1: 'text value' } },
      ],
    ],
  ])('%s: read as they are, and written as the same bytes', (name, expected) => {
    const file = Buffer.from(APACHE_FILES[name], 'base64');
    const { schema, codec, records } = readContainer(file);
    expect(records).toEqual(expected);
    expect(readContainer(writeContainer({ schema, codec, records })).records).toEqual(expected);
    const isPlain = codec === 'null';
    expect(file.includes(dataOf(schema, records))).toBe(isPlain);
  });
});

describe('the frame of a registry', () => {
  it.each([
    [1, '0000000001'],
    [256, '0000000100'],
    [65_536, '0000010000'],
  ])('id %i', (id, head) => {
    expect(frame(id, hex('aa')).toString('hex')).toBe(`${head}aa`);
    expect(unframe(hex(`${head}aa`), context, [])).toEqual({ id, body: hex('aa') });
  });

  it.each(['00', '0202', '06020406'])('leaves the indexes of Protobuf (franz-go) to who reads it: %s', (indexes) => {
    expect(unframe(hex(`0000000001${indexes}aa`), context, [])).toEqual({ id: 1, body: hex(`${indexes}aa`) });
  });

  it('a UUID, in front of the bytes or in a header', () => {
    const guid = '89791762-2336-4186-9674-299b90a802e2';
    const head = hex('0189791762233641869674299b90a802e2');
    expect(unframe(Buffer.concat([head, hex('aa')]), context, [])).toEqual({ guid, body: hex('aa') });
    expect(unframe(hex('aa'), context, [['__value_schema_id', head]])).toEqual({ guid, body: hex('aa') });
  });

  it.each([
    ['00000001', 'has only 4 bytes'],
    ['0000000000aa', 'its id is 0'],
    ['00ffffffffaa', 'its id is -1'],
    ['0189', 'has only 2 bytes'],
  ])('cut off or of no id is told with its first bytes: %s', (bytes, why) => {
    expect(() => unframe(hex(bytes), context, [])).toThrow(why);
    expect(() => unframe(hex(bytes), context, [])).toThrow(bytes.slice(0, 16));
  });

  it('JSON has none', () => {
    expect(unframe(Buffer.from('{}'), context, [])).toBeUndefined();
    expect(unframe(Buffer.alloc(0), context, [])).toBeUndefined();
  });

  it.each([
    [
      '0000000001687a67792f6a464e4d562f6546696c6148724d796542676461567a725230756447656f74573863412f4a616c37756b722b4d2f797a',
      52,
    ],
    ['0000000001484436597478726c426e6b545757394e3656626b3349496e6a57483831786d5968336b3464', 36],
  ])('a record that Confluent’s Java serializer wrote', (bytes, length) => {
    const framed = unframe(hex(bytes), context, []);
    const codec = new AvroCodec(record(['f1', 'string']));
    const value = codec.decode(framed?.body ?? Buffer.alloc(0), context) as { f1: string };
    expect(value.f1).toHaveLength(length);
    expect(frame(1, codec.encode(value, context)).toString('hex')).toBe(bytes);
  });
});
