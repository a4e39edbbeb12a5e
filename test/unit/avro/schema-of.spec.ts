import { PartialType, OmitType } from '@nestjs/mapped-types';
import { Type } from 'class-transformer';
import {
  IsDateString,
  IsEmail,
  IsEnum,
  IsInt,
  IsISO8601,
  IsNumber,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  validate,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { describe, expect, it } from 'vitest';
import { AvroField, type AvroFieldOptions, AvroModel, avroSchemaOf } from '../../../lib/avro/index.js';
import { type AvroSchema, ConfigurationError, type PayloadClass } from '../../../lib/index.js';

const namespace = 'com.example';
const DURATION = { type: 'fixed', name: 'Duration', size: 12, logicalType: 'duration' };
enum Text {
  A = 'A',
  B = 'B',
}
enum Free {
  A = 'a-b',
}
enum Count {
  One,
  Two,
}

@AvroModel({ namespace })
class Part {
  @AvroField() name!: string;
}

@AvroModel({ namespace, doc: 'every kind of property' })
class Everything {
  @IsInt() isInt!: number;
  @AvroField() bigint!: bigint;
  @AvroField({ type: 'int' }) int!: number;
  @AvroField() number!: number;
  @IsNumber() isNumber!: number;
  @IsPositive() isPositive!: number;
  @AvroField() string!: string;
  @IsDateString() isDateString!: string;
  @IsISO8601() isIso!: string;
  @IsEmail() isEmail!: string;
  @AvroField() literal!: 'a' | 'b';
  @AvroField() template!: `id-${string}`;
  @AvroField() one!: 1 | 2;
  @IsUUID() isUuid!: string;
  @AvroField() boolean!: boolean;
  @AvroField() date!: Date;
  @AvroField() buffer!: Buffer;
  @AvroField() bytes!: Uint8Array;
  @IsEnum(Text) text!: Text;
  @IsEnum(Free) free!: Free;
  @IsEnum(Count) count!: Count;
  @AvroField({ enum: ['x', 'y'], enumName: 'Axis', enumDefault: 'x' }) axis!: string;
  @AvroField() part!: Part;
  @AvroField({ items: () => Part }) parts!: Part[];
  @ValidateNested({ each: true }) @Type(() => Part) typed!: Part[];
  @IsString({ each: true }) strings!: string[];
  @IsUUID('4', { each: true }) uuids!: string[];
  @AvroField({ values: 'double' }) doubles!: Record<string, number>;
  @AvroField({ values: () => Part }) named!: Record<string, Part>;
  @AvroField({ of: () => Part, nullable: true }) maybe!: Part | null;
  @AvroField({ type: { type: 'fixed', name: 'Hash', size: 2 } }) hash!: Buffer;
  @AvroField({ type: DURATION }) duration!: Buffer;
  @ValidateIf(() => true) @IsString() conditional!: string;
  @AvroField({ logicalType: 'date' }) day!: string;
  @AvroField({ logicalType: 'time-millis' }) time!: number;
  @AvroField({ logicalType: 'timestamp-millis' }) millis!: Date;
  @AvroField({ logicalType: 'uuid' }) uuid!: string;
  @AvroField({ logicalType: 'timestamp-micros' }) micros!: bigint;
  @AvroField({ logicalType: 'decimal', precision: 10, scale: 2 }) decimal!: string;
  @IsOptional() @IsString() optional?: string;
  @AvroField({ type: 'string', nullable: true }) nullable!: string | null;
  @AvroField({ nullable: true, default: 5 }) withDefault?: number;
  @AvroField({ name: 'user_id', aliases: ['uid'], doc: 'who' }) userId!: string;
}

const fieldsOf = (type: PayloadClass) =>
  (avroSchemaOf(type) as unknown as { fields: { name: string; type: unknown; default?: unknown }[] }).fields;

const faultsOf = (type: PayloadClass): readonly string[] => {
  try {
    avroSchemaOf(type);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
};

describe('the Avro schema of a class', () => {
  it.each<[string, unknown]>([
    ['isInt', 'long'],
    ['bigint', { type: 'long', js: 'bigint' }],
    ['int', 'int'],
    ['number', 'double'],
    ['isNumber', 'double'],
    ['isPositive', 'double'],
    ['string', 'string'],
    ['isDateString', 'string'],
    ['isIso', 'string'],
    ['isEmail', 'string'],
    ['literal', 'string'],
    ['template', 'string'],
    ['one', 'double'],
    ['isUuid', { type: 'string', logicalType: 'uuid' }],
    ['boolean', 'boolean'],
    ['date', { type: 'long', logicalType: 'timestamp-millis' }],
    ['buffer', 'bytes'],
    ['bytes', 'bytes'],
    ['text', { type: 'enum', name: 'Everything_text', namespace, symbols: ['A', 'B'] }],
    ['free', 'string'],
    ['count', 'int'],
    ['axis', { type: 'enum', name: 'Axis', namespace, symbols: ['x', 'y'], default: 'x' }],
    ['part', { type: 'record', name: 'Part', namespace, fields: [{ name: 'name', type: 'string' }] }],
    ['parts', { type: 'array', items: 'com.example.Part' }],
    ['typed', { type: 'array', items: 'com.example.Part' }],
    ['strings', { type: 'array', items: 'string' }],
    ['uuids', { type: 'array', items: { type: 'string', logicalType: 'uuid' } }],
    ['doubles', { type: 'map', values: 'double' }],
    ['named', { type: 'map', values: 'com.example.Part' }],
    ['maybe', ['null', 'com.example.Part']],
    ['hash', { type: 'fixed', name: 'Hash', size: 2 }],
    ['duration', DURATION],
    ['conditional', 'string'],
    ['day', { type: 'int', logicalType: 'date' }],
    ['time', { type: 'int', logicalType: 'time-millis' }],
    ['millis', { type: 'long', logicalType: 'timestamp-millis' }],
    ['uuid', { type: 'string', logicalType: 'uuid' }],
    ['micros', { type: 'long', logicalType: 'timestamp-micros' }],
    ['decimal', { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 }],
    ['optional', ['null', 'string']],
    ['nullable', ['null', 'string']],
    ['withDefault', ['double', 'null']],
  ])('%s', (name, type) => {
    expect(fieldsOf(Everything).find((field) => field.name === name)?.type).toEqual(type);
  });

  it('has defaults, aliases and docs, in the order of the class, and is frozen', () => {
    const fields = fieldsOf(Everything);
    expect(fields.find(({ name }) => name === 'optional')).toHaveProperty('default', null);
    expect(fields.find(({ name }) => name === 'withDefault')).toHaveProperty('default', 5);
    expect(fields.at(-1)).toEqual({ name: 'user_id', type: 'string', aliases: ['uid'], doc: 'who' });
    expect(fields[0]?.name).toBe('isInt');
    expect(avroSchemaOf(Everything)).toMatchObject({ name: 'Everything', namespace, doc: 'every kind of property' });
    expect(Object.isFrozen(fields[0])).toBe(true);
    expect(avroSchemaOf(Everything)).toBe(avroSchemaOf(Everything));
  });

  it('has the fields of a base class first', () => {
    class Base {
      @AvroField() first!: string;
    }
    @AvroModel({ namespace })
    class Derived extends Base {
      @AvroField() second!: string;
    }
    expect(fieldsOf(Derived).map(({ name }) => name)).toEqual(['first', 'second']);
  });

  it('may hold itself', () => {
    @AvroModel({ namespace })
    class Tree {
      @AvroField() name!: string;
      @AvroField({ items: () => Tree }) children!: Tree[];
    }
    expect(fieldsOf(Tree)[1]?.type).toEqual({ type: 'array', items: 'com.example.Tree' });
  });

  it('follows mapped types', () => {
    @AvroModel({ namespace })
    class Partial extends PartialType(Part) {}
    @AvroModel({ namespace })
    class Without extends OmitType(Everything, ['part', 'parts', 'typed', 'text', 'axis', 'named', 'maybe']) {}
    expect(fieldsOf(Partial)).toEqual([{ name: 'name', type: ['null', 'string'], default: null }]);
    expect(fieldsOf(Without).map(({ name }) => name)).not.toContain('parts');
    expect(fieldsOf(Without).find(({ name }) => name === 'bigint')?.type).toEqual({ type: 'long', js: 'bigint' });
  });
});

describe('a property whose type cannot be told is an error with the cure', () => {
  class Plain {}

  @AvroModel({ namespace })
  class Wrong {
    @AvroField() list!: string[];
    @AvroField() union!: string | number;
    @AvroField() map!: Map<string, string>;
    @AvroField() plain!: Plain;
    @AvroField({ logicalType: 'decimal', precision: 4 }) price!: number;
    @AvroField({ logicalType: 'decimal' }) digits!: string;
    @AvroField({ name: 'a-b' }) hyphen!: string;
  }

  it('all of a class together', () => {
    expect(faultsOf(Wrong)).toEqual([
      "`Wrong.list` is an array, and the compiler does not tell of what. Say it: @AvroField({ items: 'string' }) or @AvroField({ items: () => Class }).",
      expect.stringContaining(
        '`Wrong.union` is a union, an interface or a nullable type, of which the compiler leaves `Object`. Say it:',
      ),
      expect.stringContaining('`Wrong.map` is a Map, which neither JSON nor Avro has.'),
      "`Wrong.plain` is a `Plain`, which has no @AvroModel. Decorate that class: @AvroModel({ namespace: '…' }).",
      '`Wrong.price` is a Number; a decimal is a string such as 12.34, since a number loses digits. Change the property.',
      '`Wrong.digits` is a decimal, whose `precision` must be an integer from 1 to 1000, and its `scale` one from 0 to `precision`; got `undefined` and `0`. Say them: { precision: 12, scale: 2 }.',
      "`Wrong.hyphen`: `a-b` cannot be the name of an Avro field. Set another: @AvroField({ name: '…' }).",
    ]);
  });

  it.each(['constructor', '__proto__', 'prototype'])('a property named %s', (name) => {
    class Odd {}
    AvroField({ type: 'string' })(Odd.prototype, name);
    AvroModel({ namespace })(Odd);
    expect(faultsOf(Odd)).toEqual([
      `\`Odd.${name}\`: \`${name}\` cannot be the name of an Avro field. Set another: @AvroField({ name: '…' }).`,
    ]);
  });

  it.each<[AvroFieldOptions, string]>([
    [
      { type: 'strin' },
      'the Avro schema is not valid: undefined type name: com.example.strin. Correct its @AvroField.',
    ],
    [
      { items: 'strin' },
      'the Avro schema is not valid: undefined type name: com.example.strin. Correct its @AvroField.',
    ],
    [
      { type: 'int', default: 'x' },
      'the Avro schema is not valid: incompatible field default "x" (invalid "int": "x"). Correct its @AvroField.',
    ],
    [
      { type: 'int', default: 'x', nullable: true },
      `the Avro schema is not valid: incompatible field default "x" (invalid "int": "x"), union defaults must match the first branch's type ("int"). Correct its @AvroField.`,
    ],
    [
      { enum: Text, enumDefault: 'Z' },
      'the Avro schema is not valid: invalid "com.example.Inner_value" default: "Z". Correct its @AvroField.',
    ],
    [{ type: 'long', default: 5n }, 'the default `5n` is a bigint, and a schema is JSON. Write `5`.'],
    [
      { type: 'long', aliases: ['a-b'] },
      '`a-b` was never the name of an Avro field: letters, digits and _. Correct `aliases`.',
    ],
  ])('what is no schema is told with the property, however deep it is: %o', (options, text) => {
    class Inner {
      @AvroField() first!: string;
      declare value: unknown;
    }
    AvroField(options)(Inner.prototype, 'value');
    AvroModel({ namespace })(Inner);
    @AvroModel({ namespace })
    class Outer {
      @AvroField({ items: () => Inner }) inner!: Inner[];
    }
    @AvroModel({ namespace })
    class Twice extends Outer {
      @AvroField({ of: () => Inner }) another!: Inner;
    }
    for (const type of [Inner, Outer, Twice]) expect(faultsOf(type)).toEqual([`\`Inner.value\`: ${text}`]);
  });

  it('two properties of one field, options that say different things, and a class that is not there yet', () => {
    @AvroModel({ namespace })
    class Odd {
      @AvroField() id!: string;
      @AvroField({ name: 'id' }) userId!: string;
      @AvroField({ items: 'string', values: 'long' }) both!: string[];
      @AvroField({ items: 'string' }) text!: string;
      @AvroField({ values: 'long' }) map!: Map<string, number>;
      @AvroField({ of: () => Part }) many!: Part[];
      @AvroField({ of: () => undefined as never }) later!: object;
    }
    expect(faultsOf(Odd)).toEqual([
      '`Odd.both` has `items` and `values` in its @AvroField, and is one of them only. Leave one.',
      '`Odd.text` is a String, and `items` in its @AvroField is of an array. Correct the property, or the option.',
      '`Odd.map` is a Map, and `values` in its @AvroField is of a plain object. Correct the property, or the option.',
      '`Odd.many` is a Array, and `of` in its @AvroField is of one record. Correct the property, or the option.',
      '`Odd.later` is of a class that is not there yet: two files import each other. Move one of the classes into a file of its own.',
      '`Odd.userId`: `Odd.id` is the field `id` already. Give one of them another `name`.',
    ]);
  });

  it('metadata that the compiler did not write', () => {
    class Bare {
      declare value: string;
    }
    AvroField()(Bare.prototype, 'value');
    AvroModel({ namespace })(Bare);
    expect(faultsOf(Bare)).toEqual([
      "`Bare.value` has no type at run time. Set `emitDecoratorMetadata` (esbuild and tsx do not write it), or say it: @AvroField({ type: 'string' }).",
    ]);
  });

  it('a class without @AvroModel, without fields, with a name that is none, or of a twin', () => {
    @AvroModel({ namespace: 'my-space' })
    class Named {
      @AvroField() a!: string;
    }
    @AvroModel({ namespace })
    class Empty {}
    @AvroModel({ namespace, name: 'Part' })
    class Twin {
      @AvroField() part!: Part;
    }
    expect(faultsOf(Plain)).toEqual(["Class `Plain` has no @AvroModel. Decorate it: @AvroModel({ namespace: '…' })."]);
    expect(faultsOf(Empty)).toEqual(['`Empty` has no fields. Decorate its properties with @AvroField.']);
    expect(faultsOf(Named)[0]).toContain('`my-space.Named` is no Avro name');
    expect(faultsOf(Twin)[0]).toContain('two types are named `com.example.Part`');
  });
});

describe('a union whose branches no value tells apart is an error', () => {
  const other: AvroSchema = { type: 'record', name: 'Other', namespace, fields: [] };
  it.each<[string, AvroSchema, string]>([
    ['two numbers', ['null', 'int', 'double'], '`Ambiguous.value` (null, int, double)'],
    ['two records', [{ ...other, name: 'One' }, other], '`Ambiguous.value` (com.example.One, com.example.Other)'],
    ['inside of a map', { type: 'map', values: ['long', 'float'] }, '`Ambiguous.value` (long, float)'],
  ])('%s', (_what, type, text) => {
    @AvroModel({ namespace })
    class Ambiguous {
      @AvroField({ type }) value!: unknown;
    }
    expect(faultsOf(Ambiguous)).toEqual([
      `${text} is a union whose branches no value tells apart. Take the wider number, or one record with optional fields.`,
    ]);
  });

  it('others are none', () => {
    @AvroModel({ namespace })
    class Clear {
      @AvroField({ type: ['null', 'string', 'long', other] }) value!: unknown;
    }
    expect(faultsOf(Clear)).toEqual([]);
  });
});

describe('@AvroField validates what its type cannot hold', () => {
  @AvroModel({ namespace })
  class Checked {
    @AvroField({ type: 'int' }) int!: number;
    @AvroField({ enum: Text }) text!: Text;
    @AvroField() needed!: string;
  }

  it.each<[object, string]>([
    [{ int: 2 ** 31, text: 'A', needed: '' }, 'int must be an integer of 32 bits'],
    [{ int: 1.5, text: 'A', needed: '' }, 'int must be an integer of 32 bits'],
    [{ int: 1, text: 'C', needed: '' }, 'text must be one of A, B'],
    [{ int: 1, text: 'A' }, 'needed must be given'],
  ])('%j', async (value, message) => {
    const [fault] = await validate(Object.assign(new Checked(), value));
    expect(fault?.constraints).toEqual({ avroField: message });
  });
});
