// Avro's files of records (Avro specification, "Object Container Files"), as far as tests need them, and some that Apache Avro's own tests hold.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { AvroCodec } from '../../../lib/serialization/avro/avro-codec.js';
import type { AvroSchema } from '../../../lib/topic/topic.js';

const MAGIC = Buffer.from('Obj\x01', 'latin1');
const context = { topic: 't' };
const meta = new AvroCodec({ type: 'map', values: 'bytes' });
const block = new AvroCodec({
  type: 'record',
  name: 'Block',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'data', type: 'bytes' },
  ],
});

interface Container {
  readonly schema: AvroSchema;
  readonly codec: 'null' | 'deflate';
  readonly records: readonly unknown[];
}

/** The records and their schema. Every part of a file ends with the same sixteen bytes. */
export function readContainer(file: Buffer): Container {
  const sync = file.subarray(-16);
  const [head = Buffer.alloc(0), ...blocks] = parts(file, sync);
  const about = meta.decode(head.subarray(MAGIC.length), context) as Record<string, Buffer>;
  const schema = JSON.parse(String(about['avro.schema'])) as AvroSchema;
  const codec = String(about['avro.codec'] ?? 'null') as Container['codec'];
  const reader = new AvroCodec({ type: 'array', items: schema });
  const records = blocks.flatMap((bytes) => {
    const { count, data } = block.decode(bytes, context) as { count: number; data: Buffer };
    const plain = codec === 'deflate' ? inflateRawSync(data) : data;
    return reader.decode(Buffer.concat([countOf(count), plain, Buffer.from([0])]), context) as unknown[];
  });
  return { schema, codec, records };
}

export function writeContainer({ schema, codec, records }: Container): Buffer {
  const sync = Buffer.from('0123456789abcdef');
  const about = { 'avro.codec': Buffer.from(codec), 'avro.schema': Buffer.from(JSON.stringify(schema)) };
  const plain = dataOf(schema, records);
  const data = codec === 'deflate' ? deflateRawSync(plain) : plain;
  const body = block.encode({ count: records.length, data }, context);
  return Buffer.concat([MAGIC, meta.encode(about, context), sync, body, sync]);
}

/** The records one after another: an array's bytes between its count and its end. */
export function dataOf(schema: AvroSchema, records: readonly unknown[]): Buffer {
  const bytes = new AvroCodec({ type: 'array', items: schema }).encode(records, context);
  return bytes.subarray(countOf(records.length).length, -1);
}

function countOf(count: number): Buffer {
  return new AvroCodec('long').encode(count, context);
}

function parts(file: Buffer, sync: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let from = 0; from < file.length;) {
    const end = file.indexOf(sync, from);
    found.push(file.subarray(from, end));
    from = end + sync.length;
  }
  return found;
}

/** `share/test/data` of Apache Avro: written by its Java implementation. */
export const APACHE_FILES = {
  'weather.avro':
    'T2JqAQQUYXZyby5jb2RlYwhudWxsFmF2cm8uc2NoZW1h8gJ7InR5cGUiOiJyZWNvcmQiLCJuYW1lIjoiV2VhdGhlciIsIm5hbWVzcGFjZSI6InRlc3QiLCJmaWVsZHMiOlt7Im5hbWUiOiJzdGF0aW9uIiwidHlwZSI6InN0cmluZyJ9LHsibmFtZSI6InRpbWUiLCJ0eXBlIjoibG9uZyJ9LHsibmFtZSI6InRlbXAiLCJ0eXBlIjoiaW50In1dLCJkb2MiOiJBIHdlYXRoZXIgcmVhZGluZy4ifQCwgbPECgz2YvrJOP1+UgCnCswBGDAxMTk5MC05OTk5Of+jkOiHJAAYMDExOTkwLTk5OTk5/4H71ockLBgwMTE5OTAtOTk5OTn/pa7ChyQVGDAxMjY1MC05OTk5Of+3oouUJt4BGDAxMjY1MC05OTk5Of/b1faTJpwBsIGzxAoM9mL6yTj9flIApw==',
  'weather-sorted.avro':
    'T2JqAQQUYXZyby5jb2RlYw5kZWZsYXRlFmF2cm8uc2NoZW1hlAN7InR5cGUiOiJyZWNvcmQiLCJuYW1lIjoiV2VhdGhlciIsIm5hbWVzcGFjZSI6InRlc3QiLCJmaWVsZHMiOlt7Im5hbWUiOiJzdGF0aW9uIiwidHlwZSI6InN0cmluZyIsIm9yZGVyIjoiaWdub3JlIn0seyJuYW1lIjoidGltZSIsInR5cGUiOiJsb25nIn0seyJuYW1lIjoidGVtcCIsInR5cGUiOiJpbnQifV0sImRvYyI6IkEgd2VhdGhlciByZWFkaW5nLiJ9ACAHy4Q2JeW4J8+qBbCyYMgKeJMwMDQyMzXQtQSB/9sXdU9Ru8cogSJ4++q3yWpzQIKGlpYwlYsnvGhXYUAVa/x9rV1FB1Vs6bpD7SqiACAHy4Q2JeW4J8+qBbCyYMg=',
  'schemas/simple/data.avro':
    'T2JqAQIWYXZyby5zY2hlbWGYAXsidHlwZSI6InJlY29yZCIsIm5hbWUiOiJzaW1wbGUiLCJmaWVsZHMiOlt7Im5hbWUiOiJ0ZXh0IiwidHlwZSI6InN0cmluZyJ9XX0AfI8goJ/TzZ/a9a0mEXQ/QwYwCmhlbGxvDmJvbmpvdXISZ3V0ZW4gdGFnfI8goJ/TzZ/a9a0mEXQ/Qw==',
  'schemas/withUnion/data.avro':
    'T2JqAQIWYXZyby5zY2hlbWG8A3sidHlwZSI6InJlY29yZCIsIm5hbWUiOiJ1bmlvbmZpZWxkcyIsImZpZWxkcyI6W3sibmFtZSI6ImRhdGExIiwidHlwZSI6WyJzdHJpbmciLCJpbnQiXX0seyJuYW1lIjoiZGF0YTIiLCJ0eXBlIjpbeyJ0eXBlIjoicmVjb3JkIiwibmFtZSI6ImlubmVyIiwiZmllbGRzIjpbeyJuYW1lIjoiZDEiLCJ0eXBlIjpbInN0cmluZyIsImludCIsImJvb2xlYW4iLCJudWxsIl19XX0sIm51bGwiXX1dfQCNN2cR9nDF0o5mxSJRQQHDBkIAEnRleHRWYWx1ZQIC9gEABAACBgAAFHRleHQgdmFsdWWNN2cR9nDF0o5mxSJRQQHD',
} as const;
