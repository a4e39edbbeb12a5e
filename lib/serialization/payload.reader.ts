import type { HeaderList } from '../core/headers.js';
import { unframe, firstBytes } from '../registry/wire-format.js';
import type { AvroPayloads } from './avro/avro-payloads.js';
import { fromSingleObject } from './avro/single-object.js';
import type { WriterSchemas } from './avro/writer-schemas.js';
import { WireFormatError } from './errors.js';
import { jsonSerializer } from './json.serializer.js';

/** Reads what is JSON, and what says of itself that it is Avro: no JSON begins with `00`, `01` or `C3 01`. */
export type PayloadReader = (value: Buffer, topic: string, headers: HeaderList) => unknown;

/** Without a class that tells how: the payload as it was written. */
export function untypedReader(writers: WriterSchemas): PayloadReader {
  return (value, topic, headers) => {
    const framed = unframe(value, { topic }, headers);
    if (framed) return writers.read(framed, { topic });
    if (!fromSingleObject(value)) return jsonSerializer.deserialize(value, topic);
    throw new WireFormatError(
      `Message of topic \`${topic}\` is Avro as a single object, and its schema is not known here. Read it with a topic class whose \`schema\` has @AvroModel.`,
      { topic },
    );
  };
}

/** A key of a topic whose keys are Avro. */
export function keyReader(avro: AvroPayloads): PayloadReader {
  return (key, topic, headers) => {
    const read = avro.read(key, topic, headers);
    if (read) return read.payload;
    throw new WireFormatError(
      `Key of a message of topic \`${topic}\` is not Avro (${firstBytes(key)}), and the topic has a \`keySchema\`. Correct the sender, or the topic class.`,
      { topic },
    );
  };
}

/** As the class says that the topic has. */
export function avroReader(avro: AvroPayloads, format: 'json' | 'avro'): PayloadReader {
  return (value, topic, headers) => {
    const read = avro.read(value, topic, headers);
    if (read) return read.payload;
    if (format === 'json') return jsonSerializer.deserialize(value, topic);
    throw new WireFormatError(
      `Message of topic \`${topic}\` is not Avro (${firstBytes(value)}), and the topic's \`format\` is 'avro'. Correct the sender, or the format.`,
      { topic },
    );
  };
}
