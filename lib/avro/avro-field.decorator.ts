import 'reflect-metadata';
import { IsOptional, ValidateBy, ValidateNested, type ValidationArguments } from 'class-validator';
import { optionalRequire } from '../core/optional-require.js';
import { isAvroModel } from '../serialization/avro/avro-model.js';
import type { PayloadClass } from '../topic/topic.js';
import type { AvroFieldMark, AvroFieldOptions, ClassRef } from './avro-field.options.js';
import { refusal } from './field-check.js';

/** How the mark is found among class-validator's metadata. */
export const AVRO_FIELD = 'avroField';

interface ClassTransformer {
  Type(type: ClassRef): PropertyDecorator;
}

/**
 * Makes a property a field of its class's Avro schema, and checks what the schema cannot hold when the payload is validated. It is a
 * class-validator decorator, so `extends`, `PartialType`, `OmitType` and `PickType` carry it along. Properties with other class-validator
 * decorators are fields without it.
 *
 * @example
 * ```ts
 * @AvroField({ name: 'user_id' }) userId!: bigint;
 * @AvroField({ items: () => OrderLine }) lines!: OrderLine[];
 * @AvroField({ logicalType: 'decimal', precision: 12, scale: 2 }) total!: string;
 * ```
 */
export function AvroField(options: AvroFieldOptions = {}): PropertyDecorator {
  return (target, property) => {
    const designType: unknown = Reflect.getMetadata('design:type', target, property);
    const mark: AvroFieldMark = { options, designType };
    for (const decorator of [checkOf(mark), ...nestedOf(mark), ...optionalOf(options)]) decorator(target, property);
  };
}

function checkOf(mark: AvroFieldMark): PropertyDecorator {
  return ValidateBy({
    name: AVRO_FIELD,
    constraints: [mark],
    validator: {
      validate: (value: unknown) => refusal(value, mark) === undefined,
      defaultMessage: (args?: ValidationArguments) =>
        `${args?.property} ${refusal(args?.value, mark) ?? 'is not valid'}`,
    },
  });
}

/** Records inside are validated too, and made instances where class-transformer is there. */
function nestedOf({ options, designType }: AvroFieldMark): PropertyDecorator[] {
  const { items, values, of } = options;
  const each = typeof items === 'function';
  const type = each ? items : (of ?? (isRecord(designType) ? () => designType : undefined));
  if (!type || values !== undefined) return [];
  const transformer = optionalRequire<ClassTransformer>('class-transformer');
  return [ValidateNested({ each }), ...(transformer ? [transformer.Type(type)] : [])];
}

function isRecord(type: unknown): type is PayloadClass {
  return typeof type === 'function' && isAvroModel(type as PayloadClass);
}

function optionalOf({ nullable }: AvroFieldOptions): PropertyDecorator[] {
  return nullable ? [IsOptional()] : [];
}
