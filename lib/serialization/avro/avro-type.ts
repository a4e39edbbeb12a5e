import type { AvroSchema } from '../../topic/topic.js';
import { Type, type InternalType, type TypeOptions } from './avsc.js';
import { collectionTypes } from './guard.js';
import { BASE_TYPE_OF, IS_BASE, logicalTypes } from './logical-types.js';
import { unwrapped } from './schema-walk.js';
import { primitiveType } from './primitive-types.js';
import { recordType } from './record-type.js';
import { DEFAULT_LIMITS, type AvroLimits, type RecordShapes } from './shapes.js';

export interface TypeParts {
  readonly shapes?: RecordShapes;
  readonly limits?: AvroLimits;
  /** Schemas that the schema refers to by name, each after those it needs itself. */
  readonly references?: readonly AvroSchema[];
  /** Whether a logical type on a wrong base is an error: of our own schemas it is. */
  readonly isOwn?: boolean;
}

type Attributes = Readonly<Record<string, unknown>>;

/** An avsc type with every guard in it. @throws Error when the schema is none. */
export function avroType(schema: AvroSchema, parts: TypeParts = {}): InternalType {
  const options = typeOptions(parts); // fresh each time: avsc keeps the names it has seen in there
  for (const reference of parts.references ?? []) Type.forSchema(unwrapped(reference), options);
  return Type.forSchema(unwrapped(schema), options);
}

function typeOptions({ shapes = new Map(), limits = DEFAULT_LIMITS, isOwn = false }: TypeParts): TypeOptions {
  const { GuardedArray, GuardedMap } = collectionTypes(limits);
  const ShapedRecord = recordType(shapes, limits);
  return {
    registry: {},
    logicalTypes,
    assertLogicalTypes: isOwn,
    omitRecordMethods: true,
    typeHook(schema, options) {
      if (Array.isArray(schema)) return undefined;
      const attributes: Attributes = isObject(schema) ? schema : { type: schema };
      if (isLogical(attributes, isOwn)) return undefined; // it comes here again, marked, for its base type
      switch (attributes['type']) {
        case 'array':
          return new GuardedArray(schema, options);
        case 'map':
          return new GuardedMap(schema, options);
        case 'record':
        case 'error':
          return new ShapedRecord(schema, options);
        default:
          return primitiveType(attributes['type'], attributes);
      }
    },
  };
}

/**
 * avsc would build a logical type on a wrong base without asking the hook, so without the guard: such a one is read as its base, and is an
 * error in our own schemas.
 */
function isLogical(attributes: Attributes, isOwn: boolean): boolean {
  const { logicalType, type } = attributes;
  if (attributes[IS_BASE] === true || typeof logicalType !== 'string') return false;
  const base = BASE_TYPE_OF.get(logicalType);
  if (base !== undefined && base !== type && isOwn)
    throw new Error(`logical type ${logicalType} stands on ${base}, not on ${String(type)}`);
  return base !== undefined && base === type;
}

function isObject(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null;
}
