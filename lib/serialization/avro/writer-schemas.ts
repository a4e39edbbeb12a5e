import type { RegisteredSchema, SchemaRegistry } from '../../registry/schema-registry.js';
import type { Framed } from '../../registry/wire-format.js';
import { SchemaResolutionError, UnsupportedSchemaTypeError, WireFormatError } from '../errors.js';
import type { AvroSchema } from '../../topic/topic.js';
import { AvroCodec, type AvroReader, type CodecContext } from './avro-codec.js';

const MAX_READERS = 1_000;

/** A reader, or why there is none: to find that out for each message would cost as much as reading it. */
type Known = { readonly reader: AvroReader } | { readonly error: Error };

/** How messages that name their schema are read: found once for each schema, as one reader class wants it. */
export class WriterSchemas {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly registry: SchemaRegistry | undefined,
    private readonly reader: AvroCodec | undefined,
  ) {}

  /** The payload; a promise the first time a schema is met. */
  read(framed: Framed, context: CodecContext): unknown {
    const name = 'id' in framed ? String(framed.id) : framed.guid;
    const known = this.known.get(name);
    if (known) return use(known, framed.body, context);
    return this.lookUp(framed, name, context).then((found) => use(found, framed.body, context));
  }

  private async lookUp(framed: Framed, name: string, context: CodecContext): Promise<Known> {
    if (!this.registry)
      throw new WireFormatError(
        `Message of topic \`${context.topic}\` names schema ${name} of a registry, and none is configured. Set \`schemaRegistryUrl\`.`,
        { topic: context.topic },
      );
    const registered = await ('id' in framed ? this.registry.byId(framed.id) : this.registry.byGuid(framed.guid));
    const found = this.make(registered, name, context);
    if (this.known.size >= MAX_READERS) this.known.clear();
    this.known.set(name, found);
    return found;
  }

  private make(registered: RegisteredSchema, name: string, context: CodecContext): Known {
    try {
      return { reader: this.readerOf(registered, name, context) };
    } catch (error) {
      return { error: error as Error };
    }
  }

  private readerOf(
    { schemaType, schema, references }: RegisteredSchema,
    name: string,
    context: CodecContext,
  ): AvroReader {
    if (schemaType === 'JSON') return (body) => JSON.parse(body.toString('utf8')) as unknown;
    if (schemaType !== 'AVRO')
      throw new UnsupportedSchemaTypeError(
        `Message of topic \`${context.topic}\` has schema ${name} of type ${schemaType}. Read it with \`raw: true\`; only AVRO and JSON are read here.`,
        { topic: context.topic },
      );
    const writer = parsedWriter(schema, references, { name, topic: context.topic });
    if (writer.isBytes) return (body) => body;
    return this.reader ? this.reader.readerOf(writer, context) : (body, at) => writer.decode(body, at);
  }
}

function parsedWriter(
  text: string,
  references: readonly string[],
  { name, topic }: { name: string; topic: string },
): AvroCodec {
  try {
    const all = references.map((reference) => JSON.parse(reference) as AvroSchema);
    return new AvroCodec(JSON.parse(text) as AvroSchema, { references: all });
  } catch (cause) {
    throw new SchemaResolutionError(
      `Message of topic \`${topic}\` names schema ${name}, which is no Avro schema: ${(cause as Error).message}. Register it anew.`,
      { topic, cause },
    );
  }
}

function use(known: Known, body: Buffer, context: CodecContext): unknown {
  if ('error' in known) throw known.error;
  return known.reader(body, context);
}
