import { avroType } from '../serialization/avro/avro-type.js';
import { isAttributes, mapSchema } from '../serialization/avro/schema-walk.js';
import type { RecordShapes } from '../serialization/avro/shapes.js';
import type { AvroSchema } from '../topic/topic.js';

interface Field {
  /** The record's full name. */
  readonly record: string;
  readonly name: string;
}

type Fields = readonly { readonly name: string; readonly type: AvroSchema }[];

/**
 * The one property without which a schema would be valid, as `Class.property`: avsc's errors do not say where they are. Undefined where there
 * is none, or more than one.
 */
export function invalidProperty(schema: AvroSchema, shapes: RecordShapes): string | undefined {
  const found = fieldsIn(schema).find((field) => isValid(without(schema, field)));
  const shape = found && shapes.get(found.record);
  return shape && `${shape.prototype.constructor.name}.${shape.renamed.get(found.name) ?? found.name}`;
}

/** Those of inner records come first: without the outer field the inner fault would be gone as well. */
function fieldsIn(schema: AvroSchema): Field[] {
  if (Array.isArray(schema)) return schema.flatMap((branch: AvroSchema) => fieldsIn(branch));
  if (!isAttributes(schema)) return [];
  const { items, values, fields = [] } = schema as { items?: AvroSchema; values?: AvroSchema; fields?: Fields };
  const own = fields.flatMap(({ name, type }) => [...fieldsIn(type), { record: fullNameOf(schema), name }]);
  return [...fieldsIn(items ?? 'null'), ...fieldsIn(values ?? 'null'), ...own];
}

function without(schema: AvroSchema, { record, name }: Field): AvroSchema {
  return mapSchema(schema, (one) => {
    if (!isAttributes(one) || fullNameOf(one) !== record) return one;
    const fields = (one['fields'] as Fields).map((field) => (field.name === name ? { name, type: 'null' } : field));
    return { ...one, fields };
  });
}

function fullNameOf(schema: object): string {
  const { namespace, name } = schema as { readonly namespace?: string; readonly name?: string };
  return `${namespace}.${name}`;
}

function isValid(schema: AvroSchema): boolean {
  try {
    avroType(schema, { isOwn: true });
    return true;
  } catch {
    return false; // of why it is not, the caller knows
  }
}
