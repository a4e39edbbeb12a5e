import type { InternalType } from '../serialization/avro/avsc.js';

/**
 * Where a class has a union whose branches its values do not tell apart, as `long` and `double`, or two records: they would have to be wrapped
 * (`{ long: 5 }`), which no property is declared as.
 *
 * @returns the paths, with the branches
 */
export function ambiguousUnions(type: InternalType, path: string, seen = new Set<InternalType>()): string[] {
  if (seen.has(type)) return [];
  seen.add(type);
  const own = type.typeName === 'union:wrapped' ? [`\`${path}\` (${type.types.map(nameOf).join(', ')})`] : [];
  const fields = (type.fields ?? []).flatMap((field) => ambiguousUnions(field.type, `${path}.${field.name}`, seen));
  const inside = [type.itemsType, type.valuesType, ...(type.types ?? [])].filter((one) => one !== undefined);
  return [...own, ...fields, ...inside.flatMap((one) => ambiguousUnions(one, path, seen))];
}

function nameOf({ name, typeName }: InternalType): string {
  return name ?? typeName;
}
