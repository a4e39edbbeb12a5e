import type { AvroSchema, PayloadClass } from '../topic/topic.js';

/** A class, as a function, since a class may stand below in the file. */
export type ClassRef = () => PayloadClass;

/** Where the compiler's type does not tell the Avro type, these do. */
export interface AvroFieldOptions {
  /** The field's name, where it is not the property's: `user_id`. */
  readonly name?: string;
  /** Earlier names of the field, under which older messages have it. */
  readonly aliases?: readonly string[];
  readonly doc?: string;
  /** Any Avro type: `'int'`, `'float'`, a fixed, a union. */
  readonly type?: AvroSchema;
  /** The items of an array: an Avro type, or a class. */
  readonly items?: AvroSchema | ClassRef;
  /** The values of a map (a plain object with any keys): an Avro type, or a class. */
  readonly values?: AvroSchema | ClassRef;
  /** The class of a record, where the compiler does not tell: `Order | null`. */
  readonly of?: ClassRef;
  /** `date` and `uuid` are text, `time-millis` is a number, `timestamp-micros` a bigint, `decimal` text such as `12.34`. */
  readonly logicalType?: 'date' | 'time-millis' | 'timestamp-millis' | 'timestamp-micros' | 'uuid' | 'decimal';
  /** Most digits of a `decimal`, up to 1000. */
  readonly precision?: number;
  /** Digits of a `decimal` behind the point. */
  readonly scale?: number;
  /** The values of an enum: a TypeScript enum, or a list. */
  readonly enum?: Readonly<Record<string, string | number>> | readonly string[];
  /** The enum's name; `<Class>_<property>` without it. */
  readonly enumName?: string;
  /** What an enum's symbol is read as that this class does not know. */
  readonly enumDefault?: string;
  /** `null` is allowed, and the default. `@IsOptional` says the same. */
  readonly nullable?: boolean;
  /** What a field is that was not written, as JSON. */
  readonly default?: unknown;
}

/** What `@AvroField` leaves behind: its options, and what the compiler said of the property then. */
export interface AvroFieldMark {
  readonly options: AvroFieldOptions;
  /** Kept here, since mapped types such as `PartialType` copy validators, and not the compiler's metadata. */
  readonly designType: unknown;
}
