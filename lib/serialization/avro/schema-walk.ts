import type { AvroSchema } from '../../topic/topic.js';

type Attributes = Readonly<Record<string, unknown>>;

/** `{ type: { type: 'string' } }` and `{ type: ['null', 'string'] }` are legal elsewhere; avsc knows the inner form only. */
export function unwrapped(schema: AvroSchema): AvroSchema {
  return mapSchema(schema, (one) => {
    let inner = one;
    while (isAttributes(inner) && typeof inner['type'] === 'object' && inner['type'] !== null)
      inner = inner['type'] as AvroSchema;
    return inner;
  });
}

/** Each schema inside, from the outside in, as `change` returns it. */
export function mapSchema(schema: AvroSchema, change: (schema: AvroSchema) => AvroSchema): AvroSchema {
  const changed = change(schema);
  if (Array.isArray(changed)) return changed.map((branch: AvroSchema) => mapSchema(branch, change));
  if (!isAttributes(changed)) return changed;
  const inner = (one: unknown) => mapSchema(one as AvroSchema, change);
  return {
    ...changed,
    ...('items' in changed && { items: inner(changed['items']) }),
    ...('values' in changed && { values: inner(changed['values']) }),
    ...(Array.isArray(changed['fields']) && {
      fields: (changed['fields'] as Attributes[]).map((field) => ({ ...field, type: inner(field['type']) })),
    }),
  };
}

/** A named type as a schema declares it. */
export interface NamedType {
  readonly name: string;
  readonly fullName: string;
}

/** The names that a schema declares. A type without a namespace is in the one around it. */
export function namedTypes(schema: AvroSchema, around = ''): NamedType[] {
  if (Array.isArray(schema)) return schema.flatMap((branch: AvroSchema) => namedTypes(branch, around));
  if (!isAttributes(schema)) return [];
  const own = ownName(schema, around);
  const namespace = own ? own.fullName.slice(0, -own.name.length).replace(/\.$/, '') : around;
  const fields = Array.isArray(schema['fields']) ? (schema['fields'] as Attributes[]) : [];
  const inner = [schema['items'], schema['values'], nested(schema['type']), ...fields.map((field) => field['type'])];
  return [...(own ? [own] : []), ...inner.flatMap((one) => namedTypes((one ?? 'null') as AvroSchema, namespace))];
}

function ownName(schema: Attributes, around: string): NamedType | undefined {
  const { name, namespace } = schema;
  if (typeof name !== 'string') return undefined;
  if (name.includes('.')) return { name: name.slice(name.lastIndexOf('.') + 1), fullName: name };
  const space = typeof namespace === 'string' ? namespace : around;
  return { name, fullName: space === '' ? name : `${space}.${name}` };
}

function nested(type: unknown): unknown {
  return typeof type === 'object' ? type : undefined;
}

export function isAttributes(schema: unknown): schema is Attributes & { readonly type: unknown } {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}
