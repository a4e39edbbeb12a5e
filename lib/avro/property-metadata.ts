import 'reflect-metadata';
import { getMetadataStorage } from 'class-validator';
import { optionalRequire } from '../core/optional-require.js';
import type { PayloadClass } from '../topic/topic.js';
import { AVRO_FIELD } from './avro-field.decorator.js';
import type { AvroFieldMark, AvroFieldOptions, ClassRef } from './avro-field.options.js';

/** What decorators and the compiler say of one property. */
export interface PropertyFacts {
  readonly property: string;
  /** `UserEvent.tags`, for texts. */
  readonly place: string;
  readonly options: AvroFieldOptions;
  readonly designType: unknown;
  /** class-validator's names of the checks on the value, and of those on each item. */
  readonly checks: ReadonlySet<string>;
  readonly itemChecks: ReadonlySet<string>;
  readonly isOptional: boolean;
  /** What `@IsEnum` names. */
  readonly enumSource: AvroFieldOptions['enum'];
  /** What class-transformer's `@Type` names. */
  readonly transformed: ClassRef | undefined;
}

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** The decorated properties of a class: those of its base first, then in the order they stand. */
export function propertiesOf(type: PayloadClass): PropertyFacts[] {
  const all = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  const byProperty = new Map<string, Metadata[]>();
  for (const one of [...all].sort((a, b) => depthOf(type, b.target) - depthOf(type, a.target)))
    byProperty.set(one.propertyName, [...(byProperty.get(one.propertyName) ?? []), one]);
  return [...byProperty].map(([property, metadata]) => factsOf(type, property, metadata));
}

/** How far up a class is in the chain of base classes. */
function depthOf(type: object, target: unknown): number {
  let depth = 0;
  for (let one: unknown = type; one !== target && typeof one === 'function'; one = Object.getPrototypeOf(one)) depth++;
  return depth;
}

function factsOf(type: PayloadClass, property: string, metadata: readonly Metadata[]): PropertyFacts {
  const mark = metadata.find(({ name }) => name === AVRO_FIELD)?.constraints[0] as AvroFieldMark | undefined;
  const named = metadata.filter(({ name }) => name !== undefined && name !== AVRO_FIELD);
  const names = (each: boolean) => new Set(named.filter((one) => one.each === each).map(({ name }) => name as string));
  return {
    property,
    place: `${type.name}.${property}`,
    options: mark?.options ?? {},
    designType: mark?.designType ?? (Reflect.getMetadata('design:type', type.prototype as object, property) as unknown),
    checks: names(false),
    itemChecks: names(true),
    isOptional: mark?.options.nullable ?? named.some(({ name }) => name === 'isOptional'),
    enumSource:
      mark?.options.enum ?? (named.find(({ name }) => name === 'isEnum')?.constraints[0] as AvroFieldOptions['enum']),
    transformed: transformedBy(type, property),
  };
}

interface TransformerStorage {
  readonly defaultMetadataStorage: {
    findTypeMetadata(type: unknown, property: string): { readonly typeFunction?: ClassRef } | undefined;
  };
}

/** class-transformer tells what it knows only through this path, which Nest's own mapped types use as well. */
function transformedBy(type: PayloadClass, property: string): ClassRef | undefined {
  const storage = optionalRequire<TransformerStorage>('class-transformer/cjs/storage');
  return storage?.defaultMetadataStorage.findTypeMetadata(type, property)?.typeFunction;
}
