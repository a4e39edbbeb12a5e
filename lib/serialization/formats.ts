import { SerializationError } from '../core/errors.js';
import { toKey } from '../core/key.js';
import type { Clock } from '../core/clock.js';
import type { ResolvedRegistryOptions } from '../options/registry.options.js';
import { SchemaRegistry } from '../registry/schema-registry.js';
import {
  isCompacted,
  topicNameOf,
  type AvroSchema,
  type PayloadClass,
  type TopicClass,
  type TopicRef,
} from '../topic/topic.js';
import { avroModelOf, type AvroModelInfo } from './avro/avro-model.js';
import { AvroPayloads, type AvroPayloadParts, type SubjectSchema } from './avro/avro-payloads.js';
import { DEFAULT_LIMITS, type AvroLimits } from './avro/shapes.js';
import { WriterSchemas } from './avro/writer-schemas.js';
import { jsonSerializer } from './json.serializer.js';
import { avroReader, keyReader, untypedReader, type PayloadReader } from './payload.reader.js';
import type { Serializer } from './serializer.js';
import { TopicSerializer } from './topic.serializer.js';

export interface FormatsOptions {
  /** Undefined where the connection has none of these options. */
  readonly registry: ResolvedRegistryOptions | undefined;
  /** The registry of what is declared as Avro where none is named; without it such payloads are single objects. */
  readonly defaultRegistryUrl?: string | undefined;
  readonly limits?: AvroLimits;
  readonly clock: Clock;
}

/** How the topics of a connection are written and read. */
export class Formats {
  private readonly parts: AvroPayloadParts;
  /** Of what somebody has said to be Avro. */
  private readonly avroParts: AvroPayloadParts;
  /** What a value is by the schema that it names. */
  readonly readAvro: PayloadReader;
  private readonly untyped: Serializer;
  private readonly topics = new Map<TopicClass, Serializer>();
  private readonly values = new Map<TopicClass, AvroPayloads>();
  private readonly keys = new Map<TopicClass, AvroPayloads>();
  private readonly schemas = new WeakMap<object, AvroPayloads>();

  constructor({ registry: options, defaultRegistryUrl, limits = DEFAULT_LIMITS, clock }: FormatsOptions) {
    const registry = registryAt(options?.schemaRegistryUrl, options, clock);
    const subjects = options?.schemaRegistrySubjects ?? 'topic';
    const verifiesSubject = options?.schemaRegistryVerifySubject ?? false;
    this.parts = { registry, subjects, verifiesSubject, limits };
    this.avroParts = { ...this.parts, registry: registry ?? registryAt(defaultRegistryUrl, options, clock) };
    this.readAvro = untypedReader(new WriterSchemas(this.avroParts));
    const deserialize = untypedReader(new WriterSchemas({ registry, limits }));
    this.untyped = { serialize: (message, topic) => jsonSerializer.serialize(message, topic), deserialize };
  }

  /** The registry that is named, or else the default one, which only what is declared as Avro asks. */
  get registry(): SchemaRegistry | undefined {
    return this.avroParts.registry;
  }

  /** What these topics ask: the registry that is named, or the default one where one of them is Avro. */
  registryFor(topics: readonly TopicRef[]): SchemaRegistry | undefined {
    return (topics.some(isAvro) ? this.avroParts : this.parts).registry;
  }

  /** How a topic's payloads are written and read. */
  of(topic: TopicRef): Serializer {
    if (typeof topic === 'string') return this.untyped;
    const { schema, keySchema } = topic;
    if (schema !== undefined) return remembered(this.topics, topic, () => this.typed(topic, schema));
    if (keySchema === undefined) return this.untyped;
    return remembered(this.topics, topic, () => ({ ...this.untyped, deserializeKey: this.readKeyOf(topic) }));
  }

  /** How messages of any of these topics are read and written. */
  ofAll(topics: readonly TopicRef[]): Serializer {
    const refs = new Map(topics.map((topic) => [topicNameOf(topic), topic]));
    const serializerOf = (topic: string) => this.of(refs.get(topic) ?? topic);
    return {
      serialize: (message, topic) => serializerOf(topic).serialize(message, topic),
      deserialize: (value, source) => serializerOf(source.partition.topic).deserialize(value, source),
      deserializeKey: (key, source) =>
        serializerOf(source.partition.topic).deserializeKey?.(key, source) ?? key.toString('utf8'),
    };
  }

  /** The same with Avro written whatever the topic's format is: by this schema, the topic's, or that of the message's class. */
  avro(topic: TopicRef, message: unknown, schema: AvroSchema | undefined): Serializer {
    const type = typeof topic === 'string' ? undefined : topic.schema;
    const model =
      schema === undefined ? modelOf(topic, type, message) : { schema, shapes: type && avroModelOf(type)?.shapes };
    const key = schema === undefined ? model : typeof schema === 'object' ? schema : { schema };
    const payloads = this.payloadsOf(key, { schema: model.schema, shapes: model.shapes ?? new Map() });
    const validated = typeof topic === 'string' ? this.untyped : this.of(topic);
    if (!type || !(validated instanceof TopicSerializer))
      return { ...this.untyped, serialize: (...args) => payloads.write(...args) };
    return validated.writing((...args) => payloads.write(...args));
  }

  /** A key's bytes: text and bytes as they are, or Avro where the topic has a `keySchema`. */
  keyOf(key: unknown, topic: TopicRef): Buffer | null | Promise<Buffer> {
    if (typeof topic !== 'string' && topic.keySchema !== undefined && key !== undefined && key !== null)
      return this.avroKeysOf(topic).write(key, topic.topicName);
    const bytes = textKey(key, topicNameOf(topic));
    if (bytes !== null || !isCompacted(topic)) return bytes;
    throw new SerializationError(
      `Message to topic \`${topicNameOf(topic)}\` has no key, and the topic keeps the newest message of each key. Set \`key\`.`,
      { topic: topicNameOf(topic) },
    );
  }

  /** Has the schemas of what is written to a topic registered, or looked up. @throws SchemaRegistryError */
  async register(topic: TopicClass): Promise<void> {
    for (const payloads of this.avroOf(topic)) await payloads.register(topic.topicName);
  }

  /** The subjects that they are registered under; none without a registry. */
  subjectsOf(topic: TopicClass): readonly SubjectSchema[] {
    return this.registry ? this.avroOf(topic).map((payloads) => payloads.subjectOf(topic.topicName)) : [];
  }

  close(): void {
    this.avroParts.registry?.close();
  }

  private typed(topic: TopicClass, schema: PayloadClass): Serializer {
    const { topicName, format = 'json', validation = true } = topic;
    const model = avroModelOf(schema);
    const avro = model && this.avroValuesOf(topic, model);
    const read = avro ? avroReader(avro, format) : this.untyped.deserialize.bind(this.untyped);
    if (format === 'avro' && !avro) throw new SerializationError(noModel(topicName, schema), { topic: topicName });
    const write: Serializer['serialize'] =
      avro && format === 'avro'
        ? (message, name) => avro.write(message, name)
        : (message, name) => jsonSerializer.serialize(message, name);
    return new TopicSerializer({ schema, topic: topicName, validation, write, read, readKey: this.readKeyOf(topic) });
  }

  /** What of a topic's messages is written as Avro. */
  private avroOf(topic: TopicClass): readonly AvroPayloads[] {
    const { schema, format, keySchema } = topic;
    const model = format === 'avro' && schema && avroModelOf(schema);
    return [
      ...(model ? [this.avroValuesOf(topic, model)] : []),
      ...(keySchema === undefined ? [] : [this.avroKeysOf(topic)]),
    ];
  }

  private readKeyOf(topic: TopicClass): PayloadReader | undefined {
    return topic.keySchema === undefined ? undefined : keyReader(this.avroKeysOf(topic));
  }

  private avroValuesOf(topic: TopicClass, model: AvroModelInfo): AvroPayloads {
    const { topicName, olderSchemas } = topic;
    const target = { model, part: 'value', topic: topicName, olderSchemas } as const;
    const parts = isAvro(topic) ? this.avroParts : this.parts;
    return remembered(this.values, topic, () => new AvroPayloads(target, parts));
  }

  private avroKeysOf(topic: TopicClass): AvroPayloads {
    return remembered(this.keys, topic, () => this.keysOf(topic));
  }

  private keysOf({ topicName, keySchema }: TopicClass): AvroPayloads {
    const model =
      typeof keySchema === 'function' ? avroModelOf(keySchema) : { schema: keySchema as AvroSchema, shapes: new Map() };
    if (!model) throw new SerializationError(noModel(topicName, keySchema as PayloadClass), { topic: topicName });
    return new AvroPayloads({ model, part: 'key', topic: topicName }, this.avroParts);
  }

  private payloadsOf(key: object, model: AvroModelInfo): AvroPayloads {
    const known = this.schemas.get(key);
    if (known) return known;
    const made = new AvroPayloads({ model, part: 'value' }, this.avroParts);
    this.schemas.set(key, made);
    return made;
  }
}

function registryAt(
  schemaRegistryUrl: string | undefined,
  options: ResolvedRegistryOptions | undefined,
  clock: Clock,
): SchemaRegistry | undefined {
  return options && schemaRegistryUrl !== undefined
    ? new SchemaRegistry({ ...options, schemaRegistryUrl }, clock)
    : undefined;
}

function isAvro(topic: TopicRef): boolean {
  return typeof topic !== 'string' && (topic.format === 'avro' || topic.keySchema !== undefined);
}

function modelOf(topic: TopicRef, type: PayloadClass | undefined, message: unknown): AvroModelInfo {
  const candidates = [type, (message as { constructor?: PayloadClass } | null)?.constructor];
  for (const candidate of candidates) {
    const model = candidate && avroModelOf(candidate);
    if (model) return model;
  }
  const name = topicNameOf(topic);
  throw new SerializationError(
    `Message to topic \`${name}\` has no Avro schema. Give \`schema\`, a topic class whose \`schema\` has @AvroModel, or an instance of such a class.`,
    { topic: name },
  );
}

function noModel(topic: string, { name }: { readonly name: string }): string {
  return `Topic \`${topic}\` is written as Avro, but its class \`${name}\` has no @AvroModel. Decorate it: @AvroModel({ namespace: '…' }).`;
}

function textKey(key: unknown, topic: string): Buffer | null {
  try {
    return toKey(key as string);
  } catch (cause) {
    throw new SerializationError(`Expected the key of a message to topic \`${topic}\` ${(cause as Error).message}`, {
      topic,
      cause,
    });
  }
}

function remembered<Key, Value>(cache: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  return made;
}
