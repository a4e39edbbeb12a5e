import { unframe, firstBytes } from '../registry/wire-format.js';
import type { AvroPayloads } from './avro/avro-payloads.js';
import { fromSingleObject } from './avro/single-object.js';
import type { WriterSchemas } from './avro/writer-schemas.js';
import { contextOf, detailsOf, textOf } from './codec-context.js';
import { WireFormatError } from './errors.js';
import { jsonSerializer } from './json.serializer.js';
import type { Source } from './serializer.js';

/** Reads what is JSON, and what says of itself that it is Avro: no JSON begins with `00`, `01` or `C3 01`. */
export type PayloadReader = (value: Buffer, source: Source) => unknown;

/** The usual case, told by one byte: that of what is no Avro, with no header that says so either. */
function isPlain(value: Buffer, { headers }: Source): boolean {
  return headers.length === 0 && value.length > 0 && value[0] !== 0x00 && value[0] !== 0x01 && value[0] !== 0xc3;
}

/** Without a class that tells how: the payload as it was written. */
export function untypedReader(writers: WriterSchemas): PayloadReader {
  return (value, source) => {
    if (isPlain(value, source)) return jsonSerializer.deserialize(value, source);
    const context = contextOf(source, 'value');
    const framed = unframe(value, context, source.headers);
    if (framed) return writers.read(framed, context);
    if (!fromSingleObject(value)) return jsonSerializer.deserialize(value, source);
    throw new WireFormatError(
      `${textOf(context)} is Avro as a single object, and its schema is not known here. Read it with a topic class whose \`schema\` has @AvroModel.`,
      detailsOf(context),
    );
  };
}

/** A key of a topic whose keys are Avro. */
export function keyReader(avro: AvroPayloads): PayloadReader {
  return (key, source) => {
    const context = contextOf(source, 'key');
    const read = avro.read(key, context, source.headers);
    if (read) return read.payload;
    throw new WireFormatError(
      `${textOf(context)} is not Avro (${firstBytes(key)}), and the topic has a \`keySchema\`. Correct the sender, or the topic class.`,
      detailsOf(context),
    );
  };
}

/** As the class says that the topic has. */
export function avroReader(avro: AvroPayloads, format: 'json' | 'avro'): PayloadReader {
  return (value, source) => {
    if (format === 'json' && isPlain(value, source)) return jsonSerializer.deserialize(value, source);
    const context = contextOf(source, 'value');
    const read = avro.read(value, context, source.headers);
    if (read) return read.payload;
    if (format === 'json') return jsonSerializer.deserialize(value, source);
    throw new WireFormatError(
      `${textOf(context)} is not Avro (${firstBytes(value)}), and the topic's \`format\` is 'avro'. Correct the sender, or the format.`,
      detailsOf(context),
    );
  };
}
