import type { HeaderList } from '../../core/headers.js';
import type { SchemaRegistry } from '../../registry/schema-registry.js';
import { frame, unframe } from '../../registry/wire-format.js';
import type { AvroSchema } from '../../topic/topic.js';
import { detailsOf, textOf, type CodecContext } from '../codec-context.js';
import { WireFormatError } from '../errors.js';
import { AvroCodec, type AvroReader } from './avro-codec.js';
import type { AvroModelInfo } from './avro-model.js';
import type { AvroLimits } from './shapes.js';
import { asBuffer } from './values.js';
import { fingerprintOf, fromSingleObject, toSingleObject } from './single-object.js';
import { WriterSchemas } from './writer-schemas.js';

export interface AvroPayloadParts {
  readonly registry: SchemaRegistry | undefined;
  readonly subjects: 'topic' | 'record' | 'topic-record';
  /** Whether what is read must come from the subject that is written to. */
  readonly verifiesSubject: boolean;
  readonly limits: AvroLimits;
}

/** What is written or read: a model's schema, or one by itself. */
export interface AvroTarget {
  readonly model: AvroModelInfo;
  readonly part: 'value' | 'key';
  /** The topic, where there is one only. */
  readonly topic?: string | undefined;
  readonly olderSchemas?: readonly AvroSchema[] | undefined;
}

/** A schema, as text, and the subject that it is registered under. */
export interface SubjectSchema {
  readonly subject: string;
  readonly schema: string;
}

/** One topic's values or keys in Avro: framed with a registry's id, or without a registry as single objects. */
export class AvroPayloads {
  private readonly codec: AvroCodec;
  private readonly writers: WriterSchemas;
  private readonly ids = new Map<string, number>();
  private readonly fingerprint: Buffer;
  private readonly text: string;
  private byFingerprint: Map<string, AvroReader> | undefined;

  constructor(
    private readonly target: AvroTarget,
    private readonly parts: AvroPayloadParts,
  ) {
    const { schema, shapes } = target.model;
    const { registry, limits, verifiesSubject } = parts;
    const { topic } = target;
    this.codec = new AvroCodec(schema, { shapes, limits, isOwn: true });
    const subjectOf =
      verifiesSubject && topic !== undefined ? (name: string) => this.registrySubjectOf(topic, name) : undefined;
    this.writers = new WriterSchemas({ registry, reader: this.codec, limits, subjectOf });
    this.fingerprint = fingerprintOf(this.codec.canonical);
    this.text = JSON.stringify(schema);
  }

  /** @throws AvroEncodeError; rejects with what the registry answers. */
  write(value: unknown, topic: string): Buffer | Promise<Buffer> {
    const { registry } = this.parts;
    if (!registry) return toSingleObject(this.fingerprint, this.codec.encode(value, { topic }));
    const body =
      this.codec.isBytes && value instanceof Uint8Array ? asBuffer(value) : this.codec.encode(value, { topic });
    const subject = this.registrySubjectOf(topic);
    const id = this.ids.get(subject);
    return id === undefined ? this.idOf(registry, subject).then((found) => frame(found, body)) : frame(id, body);
  }

  /** Has the schema registered, or looked up, before a message needs it; without a registry there is nothing to do. */
  async register(topic: string): Promise<void> {
    const { registry } = this.parts;
    if (registry) await this.idOf(registry, this.registrySubjectOf(topic));
  }

  subjectOf(topic: string): SubjectSchema {
    return { subject: this.registrySubjectOf(topic), schema: this.text };
  }

  /** The payload or its promise; undefined where the bytes are not Avro of any kind. */
  read(value: Buffer, context: CodecContext, headers: HeaderList): { readonly payload: unknown } | undefined {
    const framed = unframe(value, context, headers);
    if (framed) return { payload: this.writers.read(framed, context) };
    const single = fromSingleObject(value);
    return single && { payload: this.readSingleObject(single.fingerprint, single.body, context) };
  }

  private async idOf(registry: SchemaRegistry, subject: string): Promise<number> {
    const id = await registry.idOf(subject, this.text);
    this.ids.set(subject, id);
    this.writers.remember(id, (bytes, context) => (this.codec.isBytes ? bytes : this.codec.decode(bytes, context)));
    return id;
  }

  private registrySubjectOf(topic: string, name = this.codec.name): string {
    switch (this.parts.subjects) {
      case 'topic':
        return `${topic}-${this.target.part}`;
      case 'record':
        return name;
      case 'topic-record':
        return `${topic}-${name}`;
    }
  }

  private readSingleObject(fingerprint: Buffer, body: Buffer, context: CodecContext): unknown {
    if (fingerprint.equals(this.fingerprint)) return this.codec.decode(body, context);
    this.byFingerprint ??= this.olderReaders(context.topic);
    const reader = this.byFingerprint.get(fingerprint.toString('hex'));
    if (reader) return reader(body, context);
    throw new WireFormatError(
      `${textOf(context)} was written with an Avro schema of fingerprint ${fingerprint.toString('hex')}, which is not known here. Add that schema to \`olderSchemas\` of the topic class.`,
      detailsOf(context),
    );
  }

  private olderReaders(topic: string): Map<string, AvroReader> {
    const { part, olderSchemas = [] } = this.target;
    const older = olderSchemas.map((schema) => new AvroCodec(schema, { limits: this.parts.limits }));
    return new Map(
      older.map((codec) => {
        const writer = fingerprintOf(codec.canonical).toString('hex');
        return [writer, this.codec.readerOf(codec, { topic, part, writer })];
      }),
    );
  }
}
