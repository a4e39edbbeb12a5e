import { AvroDecodeError, AvroEncodeError, SchemaResolutionError } from '../errors.js';
import type { AvroSchema } from '../../topic/topic.js';
import { detailsOf, textOf, type CodecContext } from '../codec-context.js';
import { avroType, type TypeParts } from './avro-type.js';
import { Tap, type InternalType, type Resolver } from './avsc.js';
import { assertInside, GuardError } from './guard.js';
import { DEFAULT_LIMITS } from './shapes.js';
import { isAttributes, mapSchema, namedTypes, type NamedType } from './schema-walk.js';
import { mapFault, shown } from './values.js';

/** Reads bytes of one writer's schema. */
export type AvroReader = (bytes: Buffer, context: CodecContext) => unknown;

/** One Avro schema: writes values of it, and reads what was written with another as far as the two agree. */
export class AvroCodec {
  private readonly type: InternalType;

  /** @throws Error when the schema is none. */
  constructor(
    readonly schema: AvroSchema,
    private readonly parts: TypeParts = {},
  ) {
    this.type = avroType(schema, parts);
  }

  /** @throws AvroEncodeError with the paths that the schema does not hold. */
  encode(value: unknown, { topic }: CodecContext): Buffer {
    try {
      return this.type.toBuffer(value);
    } catch (cause) {
      const found = pathsOf(this.type, value);
      const paths = found.length > 0 ? found : [(cause as Error).message];
      throw new AvroEncodeError(
        `Message to topic \`${topic}\` does not fit its Avro schema ${this.name}: ${paths.slice(0, 5).join('; ')}. Correct the message, or the schema.`,
        paths,
        { topic, cause },
      );
    }
  }

  /** Reads what this very schema wrote. @throws AvroDecodeError */
  decode(bytes: Buffer, context: CodecContext): unknown {
    return this.read(bytes, undefined, context);
  }

  /**
   * Reads what another schema wrote, as this one. Names count without their namespaces, as the specification has it.
   * @throws SchemaResolutionError when the two do not agree, before any message is read.
   */
  readerOf(writer: AvroCodec, context: CodecContext): AvroReader {
    const { topic, writer: found } = context;
    try {
      const reader = new AvroCodec(withAliases(this.schema, namedTypes(writer.schema)), this.parts);
      const resolver = reader.type.createResolver(writer.type);
      return (bytes, at) => reader.read(bytes, resolver, at);
    } catch (cause) {
      throw new SchemaResolutionError(
        `${textOf(context)} was written as ${writer.name}${found === undefined ? '' : ` (schema ${found})`}, which cannot be read as ${this.name}: ${reasonOf(cause as Error)}. Give new fields a default, and let optional ones be nullable.`,
        { topic, cause },
      );
    }
  }

  /** The record's full name, or the type. */
  get name(): string {
    return this.type.name ?? this.type.typeName;
  }

  /** A top-level `bytes` schema is written without its length. */
  get isBytes(): boolean {
    return this.type.typeName === 'bytes';
  }

  /** The canonical form, which fingerprints are made of. */
  get canonical(): string {
    return JSON.stringify(this.type.schema());
  }

  private read(bytes: Buffer, resolver: Resolver | undefined, context: CodecContext): unknown {
    const { maxBytes } = this.parts.limits ?? DEFAULT_LIMITS;
    const tap = new Tap(bytes);
    try {
      if (bytes.length > maxBytes)
        throw new GuardError(`more than ${maxBytes} bytes`, 'Correct the sender, or raise `maxAvroBytes`.');
      const value = (resolver ?? this.type)._read(tap);
      assertInside(tap);
      if (tap.pos < bytes.length) throw new GuardError('the data goes on behind its end');
      return value;
    } catch (cause) {
      const at = Math.min(tap.pos, bytes.length);
      throw new AvroDecodeError(
        `${textOf(context)} is not Avro of ${this.name} (byte ${at} of ${bytes.length}): ${(cause as Error).message}. ${cureOf(cause as Error)}`,
        at,
        detailsOf(context, cause),
      );
    }
  }
}

/** Of two kinds of types avsc fails while it compares what only one of them has. */
function reasonOf(cause: Error): string {
  return cause instanceof TypeError ? 'they are of different kinds' : cause.message;
}

function cureOf(cause: Error): string {
  return cause instanceof GuardError ? cause.cure : 'Correct the sender.';
}

/** avsc compares full names; types of the writer with our short name become aliases of ours. */
function withAliases(schema: AvroSchema, writers: readonly NamedType[]): AvroSchema {
  return mapSchema(schema, (one) => {
    if (!isAttributes(one) || typeof one['name'] !== 'string') return one;
    const [own] = namedTypes(one);
    const others = writers.filter(({ name, fullName }) => name === own?.name && fullName !== own.fullName);
    const known = Array.isArray(one['aliases']) ? (one['aliases'] as string[]) : [];
    const aliases = others.map(({ name, fullName }) => (fullName === name ? `.${name}` : fullName));
    return others.length === 0 ? one : { ...one, aliases: [...new Set([...known, ...aliases])] };
  });
}

/** Where a value does not fit, with what was found and what is expected: `lines.0.price: got 1 (string), expected double`. */
function pathsOf(type: InternalType, value: unknown): string[] {
  const paths: string[] = [];
  try {
    type.isValid(value, {
      noUndeclaredFields: true,
      errorHook: (path, found, expected) =>
        paths.push(`${path.join('.') || '(message)'}: ${mismatch(found, expected)}`),
    });
  } catch {
    // a value that even the check stumbles over: the first error tells enough
  }
  return paths;
}

function mismatch(found: unknown, expected: InternalType): string {
  const unknown = undeclared(found, expected);
  if (unknown.length > 0)
    return `no field for ${unknown.map((name) => `\`${name}\``).join(', ')} in ${expected.name} (decorate it with @AvroField, or leave it out)`;
  const what = (expected.typeName === 'map' ? mapFault(found) : undefined) ?? shown(found);
  return `got ${what}, expected ${expected.name ?? expected.typeName}`;
}

function undeclared(found: unknown, { fields }: InternalType): string[] {
  if (typeof found !== 'object' || found === null || fields === undefined) return [];
  return Object.keys(found).filter((name) => !fields.some((field) => field.name === name));
}
