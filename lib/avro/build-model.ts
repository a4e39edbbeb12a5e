import { ConfigurationError } from '../core/errors.js';
import type { AvroModelInfo } from '../serialization/avro/avro-model.js';
import { avroType } from '../serialization/avro/avro-type.js';
import type { InternalType } from '../serialization/avro/avsc.js';
import type { RecordShape, RecordShapes } from '../serialization/avro/shapes.js';
import type { AvroSchema, PayloadClass } from '../topic/topic.js';
import { ambiguousUnions } from './ambiguous-unions.js';
import { modelOptionsOf } from './avro-model.options.js';
import { fieldType, UnknownFieldType, type TypeSource } from './field-type.js';
import { invalidProperty } from './invalid-property.js';
import { propertiesOf, type PropertyFacts } from './property-metadata.js';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const NAMESPACE = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** The schema of a class and of all classes that it holds. @throws ConfigurationError with the faults of all properties together. */
export function buildModel(type: PayloadClass): AvroModelInfo {
  const builder = new ModelBuilder();
  const schema = builder.recordOf(type, type.name);
  if (builder.faults.length > 0) throw new ConfigurationError(builder.faults);
  const unions = ambiguousUnions(typeOf(schema, type, builder.shapes), type.name);
  if (unions.length > 0)
    throw new ConfigurationError(
      unions.map(
        (union) =>
          `${union} is a union whose branches no value tells apart. Take the wider number, or one record with optional fields.`,
      ),
    );
  return { schema: deepFreeze(schema), shapes: builder.shapes };
}

function typeOf(schema: AvroSchema, type: PayloadClass, shapes: RecordShapes): InternalType {
  try {
    return avroType(schema, { isOwn: true });
  } catch (cause) {
    const property = invalidProperty(schema, shapes);
    const [place, cure] = property === undefined ? [type.name, 'its decorators'] : [property, 'its @AvroField'];
    throw new ConfigurationError([
      `\`${place}\`: the Avro schema is not valid: ${(cause as Error).message}. Correct ${cure}.`,
    ]);
  }
}

interface EnumPlace {
  readonly namespace: string;
  readonly owner: string;
}

class ModelBuilder {
  readonly faults: string[] = [];
  readonly shapes = new Map<string, RecordShape>();
  private readonly named = new Map<string, unknown>();

  /** The whole schema where a class appears first, its full name after that: so it may also hold itself. */
  recordOf(type: PayloadClass | undefined, place: string): AvroSchema {
    if (type === undefined)
      throw new UnknownFieldType(
        `\`${place}\` is of a class that is not there yet: two files import each other. Move one of the classes into a file of its own.`,
      );
    const options = modelOptionsOf(type);
    if (!options)
      throw new UnknownFieldType(
        `\`${place}\` is a \`${type.name}\`, which has no @AvroModel. Decorate that class: @AvroModel({ namespace: '…' }).`,
      );
    const { namespace, doc, aliases } = options;
    const name = options.name ?? type.name;
    const fullName = `${namespace}.${name}`;
    if (this.named.get(fullName) === type) return fullName;
    this.declare(fullName, type, place);
    if (!NAME.test(name) || !NAMESPACE.test(namespace))
      this.faults.push(
        `\`${place}\`: \`${fullName}\` is no Avro name: letters, digits and _, and points in the namespace. Correct @AvroModel.`,
      );
    const properties = propertiesOf(type);
    if (properties.length === 0)
      this.faults.push(`\`${type.name}\` has no fields. Decorate its properties with @AvroField.`);
    this.shapes.set(fullName, { prototype: type.prototype as object, renamed: renamedOf(properties) });
    const source: TypeSource = {
      recordOf: (other, at) => this.recordOf(other, at),
      enumOf: (facts, symbols) => this.enumOf(facts, symbols, { namespace, owner: name }),
    };
    const fields = properties.flatMap((facts) => this.fieldOf(facts, source) ?? []);
    this.faults.push(...twinsAmong(properties));
    return { type: 'record', name, namespace, ...(doc && { doc }), ...(aliases && { aliases }), fields };
  }

  private enumOf(facts: PropertyFacts, symbols: readonly string[], { namespace, owner }: EnumPlace): AvroSchema {
    const { enumName = `${owner}_${facts.property}`, enumDefault } = facts.options;
    this.declare(`${namespace}.${enumName}`, facts.enumSource, facts.place);
    return {
      type: 'enum',
      name: enumName,
      namespace,
      symbols,
      ...(enumDefault !== undefined && { default: enumDefault }),
    };
  }

  private fieldOf(facts: PropertyFacts, source: TypeSource): object | undefined {
    try {
      return describe(facts, source);
    } catch (error) {
      if (!(error instanceof UnknownFieldType)) throw error;
      this.faults.push(error.message);
      return undefined;
    }
  }

  private declare(fullName: string, owner: unknown, place: string): void {
    if (this.named.has(fullName))
      this.faults.push(
        `\`${place}\`: two types are named \`${fullName}\`. Give one another name, by \`name\` of @AvroModel or \`enumName\`.`,
      );
    this.named.set(fullName, owner);
  }
}

function describe(facts: PropertyFacts, source: TypeSource): object {
  const { options, property, place, isOptional } = facts;
  const name = options.name ?? property;
  if (FORBIDDEN.has(property) || !NAME.test(name))
    throw new UnknownFieldType(
      `\`${place}\`: \`${name}\` cannot be the name of an Avro field. Set another: @AvroField({ name: '…' }).`,
    );
  const { doc, aliases } = options;
  const wrong = aliases?.find((alias) => !NAME.test(alias));
  if (wrong !== undefined)
    throw new UnknownFieldType(
      `\`${place}\`: \`${wrong}\` was never the name of an Avro field: letters, digits and _. Correct \`aliases\`.`,
    );
  if (typeof options.default === 'bigint')
    throw new UnknownFieldType(
      `\`${place}\`: the default \`${options.default}n\` is a bigint, and a schema is JSON. Write \`${options.default}\`.`,
    );
  const type = fieldType(facts, source);
  const given = { ...(doc && { doc }), ...(aliases && { aliases }) };
  if (!isOptional) return { name, type, ...(options.default !== undefined && { default: options.default }), ...given };
  return { name, ...nullable(type, options.default ?? null), ...given };
}

/** The default must be of the first branch. */
function nullable(type: AvroSchema, fallback: unknown): object {
  const branches = Array.isArray(type) ? (type as AvroSchema[]).filter((branch) => branch !== 'null') : [type];
  return { type: fallback === null ? ['null', ...branches] : [...branches, 'null'], default: fallback };
}

/** Two properties that would be one field. */
function twinsAmong(properties: readonly PropertyFacts[]): string[] {
  const owners = new Map<string, string>();
  return properties.flatMap(({ options, property, place }) => {
    const name = options.name ?? property;
    const other = owners.get(name);
    owners.set(name, place);
    return other === undefined
      ? []
      : [`\`${place}\`: \`${other}\` is the field \`${name}\` already. Give one of them another \`name\`.`];
  });
}

function renamedOf(properties: readonly PropertyFacts[]): ReadonlyMap<string, string> {
  const renamed = properties.filter(({ options, property }) => options.name !== undefined && options.name !== property);
  return new Map(renamed.map(({ options, property }) => [options.name as string, property]));
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner as unknown);
  return Object.freeze(value);
}
