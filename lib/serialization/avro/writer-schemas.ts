import type { RegisteredSchema, SchemaRegistry } from '../../registry/schema-registry.js';
import type { Framed } from '../../registry/wire-format.js';
import { SchemaResolutionError, UnsupportedSchemaTypeError, WireFormatError } from '../errors.js';
import type { AvroSchema } from '../../topic/topic.js';
import type { AvroLimits } from './shapes.js';
import { detailsOf, textOf, type CodecContext } from '../codec-context.js';
import { fromJson } from '../json.serializer.js';
import { AvroCodec, type AvroReader } from './avro-codec.js';

const MAX_READERS = 1_000;

/** A reader, or why there is none: to find that out for each message would cost as much as reading it. Such an error is of the topic, not of one message. */
type Known = { readonly reader: AvroReader } | { readonly error: Error };

export interface WriterSchemasParts {
  readonly registry: SchemaRegistry | undefined;
  /** What is read as; as it was written without it. */
  readonly reader?: AvroCodec | undefined;
  readonly limits: AvroLimits;
  /** The only subject that a schema of this name may come from; without it any schema of the registry will do. */
  readonly subjectOf?: ((name: string) => string) | undefined;
}

/** How messages that name their schema are read: found once for each schema, as one reader class wants it. */
export class WriterSchemas {
  private readonly known = new Map<string, Known>();
  private readonly pending = new Map<string, Promise<Known>>();

  constructor(private readonly parts: WriterSchemasParts) {}

  /** A schema that was registered from here need not be asked for. */
  remember(id: number, reader: AvroReader): void {
    this.known.set(String(id), { reader });
  }

  /** The payload; a promise the first time a schema is met. */
  read(framed: Framed, context: CodecContext): unknown {
    const name = nameOf(framed);
    const known = this.known.get(name);
    if (known) return use(known, framed.body, context);
    if (!this.parts.registry)
      throw new WireFormatError(
        `${textOf(context)} names schema ${name} of a registry, and none is configured. Set \`schemaRegistryUrl\`.`,
        detailsOf(context),
      );
    return this.found(this.parts.registry, framed, context).then((found) => use(found, framed.body, context));
  }

  /** Once for all messages that wait for it. */
  private found(registry: SchemaRegistry, framed: Framed, context: CodecContext): Promise<Known> {
    const name = nameOf(framed);
    const search =
      this.pending.get(name) ?? this.lookUp(registry, framed, context).finally(() => this.pending.delete(name));
    this.pending.set(name, search);
    return search;
  }

  private async lookUp(registry: SchemaRegistry, framed: Framed, context: CodecContext): Promise<Known> {
    const name = nameOf(framed);
    const { subjectOf: ownSubject } = this.parts;
    const registered = await ('id' in framed ? registry.byId(framed.id) : registry.byGuid(framed.guid));
    const subjects = ownSubject && ('id' in framed ? await registry.subjectsOf(framed.id) : []);
    const found = this.make(registered, name, context, subjects);
    if (this.known.size >= MAX_READERS) this.known.clear();
    this.known.set(name, found);
    return found;
  }

  private make(
    registered: RegisteredSchema,
    name: string,
    context: CodecContext,
    subjects: readonly string[] | undefined,
  ): Known {
    try {
      const reader = this.readerOf(registered, name, context);
      if (subjects) this.assertOwnSubject(registered, name, context, subjects);
      return { reader };
    } catch (error) {
      return { error: error as Error };
    }
  }

  /** An id comes from the wire: it may be of a schema that has nothing to do with the topic. */
  private assertOwnSubject(
    { schema }: RegisteredSchema,
    name: string,
    context: CodecContext,
    subjects: readonly string[],
  ): void {
    const subject = this.parts.subjectOf?.(recordNameOf(schema));
    if (subject !== undefined && subjects.includes(subject)) return;
    const found = subjects.length === 0 ? 'no known subject' : subjects.join(', ');
    throw new SchemaResolutionError(
      `${textOf(context)} names schema ${name} of ${found}, not of \`${subject}\`, and \`schemaRegistryVerifySubject\` is set. Correct the sender, or the option.`,
      { topic: context.topic },
    );
  }

  private readerOf(
    { schemaType, schema, references }: RegisteredSchema,
    name: string,
    context: CodecContext,
  ): AvroReader {
    const { reader, limits } = this.parts;
    if (schemaType === 'JSON') return fromJson;
    if (schemaType !== 'AVRO')
      throw new UnsupportedSchemaTypeError(
        `${textOf(context)} has schema ${name} of type ${schemaType}. Read it with \`raw: true\`; only AVRO and JSON are read here.`,
        { topic: context.topic },
      );
    const writer = parsedWriter({ schema, references, limits }, name, context);
    if (writer.isBytes) return (body) => body;
    return reader ? reader.readerOf(writer, { ...context, writer: name }) : (body, at) => writer.decode(body, at);
  }
}

interface WriterText extends Pick<RegisteredSchema, 'schema' | 'references'> {
  readonly limits: AvroLimits;
}

function parsedWriter({ schema, references, limits }: WriterText, name: string, context: CodecContext): AvroCodec {
  try {
    const all = references.map((reference) => JSON.parse(reference) as AvroSchema);
    return new AvroCodec(JSON.parse(schema) as AvroSchema, { references: all, limits });
  } catch (cause) {
    throw new SchemaResolutionError(
      `${textOf(context)} names schema ${name}, which is no Avro schema: ${(cause as Error).message}. Register it anew.`,
      { topic: context.topic, cause },
    );
  }
}

/** The full name, as subjects have it; of JSON schemas the title. */
function recordNameOf(schema: string): string {
  const parsed = JSON.parse(schema) as { name?: string; namespace?: string; title?: string };
  if (typeof parsed !== 'object' || parsed === null) return String(parsed);
  const { name = parsed.title ?? '', namespace } = parsed;
  return namespace === undefined || name.includes('.') ? name : `${namespace}.${name}`;
}

function nameOf(framed: Framed): string {
  return 'id' in framed ? String(framed.id) : framed.guid;
}

function use(known: Known, body: Buffer, context: CodecContext): unknown {
  if ('error' in known) throw known.error;
  return known.reader(body, context);
}
