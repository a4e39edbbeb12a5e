import avsc from 'avsc'; // the named exports type-check but are not there at run time: the package is CommonJS
// @ts-expect-error -- avsc has types of its main file only
import utils from 'avsc/lib/utils.js';
import type { AvroSchema } from '../../topic/topic.js';

/**
 * The one door to avsc, which is pinned exactly: `guard.ts` builds on its internals, which are declared here as they are in 5.7.9.
 * Never call it elsewhere: without the guard, ten hostile bytes end the process.
 */

/** avsc's cursor over a buffer. It never fails by itself: `isValid` tells whether it ran over the end. */
export interface Tap {
  readonly buf: Buffer;
  pos: number;
  /** Ours: items of collections read so far, and records entered. */
  items?: number;
  depth?: number;
  readLong(): number;
  readString(): string;
  skipString(): void;
  writeLong(value: number): void;
  isValid(): boolean;
}

export type Read = (this: unknown, tap: Tap, ...rest: unknown[]) => unknown;
export type Skip = (this: unknown, tap: Tap) => void;
export type Write = (this: unknown, tap: Tap, value: unknown) => void;
export type ErrorHook = (value: unknown, type: InternalType) => void;
export type Check = (value: unknown, flags: unknown, hook?: ErrorHook, path?: string[]) => boolean;

export interface Resolver {
  _read: Read;
}

export interface InternalType {
  readonly name: string | undefined;
  readonly typeName: string;
  readonly fields: readonly { readonly name: string; readonly type: InternalType; defaultValue(): unknown }[];
  readonly itemsType: InternalType;
  readonly valuesType: InternalType;
  readonly types: readonly InternalType[];
  readonly underlyingType: InternalType;
  _read(tap: Tap, ...rest: unknown[]): unknown;
  _skip(tap: Tap): void;
  _write(tap: Tap, value: unknown): void;
  _check(value: unknown, flags: unknown, hook?: ErrorHook, path?: string[]): boolean;
  _update(resolver: Resolver, writer: InternalType, options: unknown): void;
  toBuffer(value: unknown): Buffer;
  createResolver(writer: InternalType): Resolver;
  isValid(
    value: unknown,
    options: { noUndeclaredFields: boolean; errorHook?: (path: string[], value: unknown, type: InternalType) => void },
  ): boolean;
  schema(): AvroSchema;
}

export interface RecordInternals extends InternalType {
  _createConstructor(errorStack: unknown, isPlain: boolean): RecordConstructor;
  _createReader(): Read;
  _createSkipper(): Skip;
  _createWriter(): Write;
  _createChecker(): Check;
}

export type RecordConstructor = new (...values: unknown[]) => Record<string, unknown>;

export interface TypeOptions {
  registry: Record<string, InternalType>;
  namespace?: string;
  typeHook: (schema: unknown, options: TypeOptions) => InternalType | undefined;
  logicalTypes: Readonly<Record<string, unknown>>;
  assertLogicalTypes: boolean;
  omitRecordMethods: boolean;
}

type TypeClass<Type> = new (schema: unknown, options: TypeOptions) => Type;

interface LongMethods {
  toBuffer(value: bigint): Buffer;
  fromBuffer(buffer: Buffer): bigint;
  fromJSON(value: number | string): bigint;
  toJSON(value: bigint): number | string;
  isValid(value: unknown): boolean;
  compare(a: bigint, b: bigint): number;
}

interface Avsc {
  readonly Type: { forSchema(schema: unknown, options: TypeOptions): InternalType };
  readonly types: {
    readonly ArrayType: TypeClass<InternalType>;
    readonly MapType: TypeClass<InternalType>;
    readonly RecordType: TypeClass<RecordInternals>;
    readonly StringType: TypeClass<InternalType>;
    readonly BytesType: TypeClass<InternalType>;
    readonly DoubleType: TypeClass<InternalType>;
    readonly FloatType: TypeClass<InternalType>;
    readonly IntType: TypeClass<InternalType>;
    readonly LongType: TypeClass<InternalType> & { __with(methods: LongMethods): InternalType };
    readonly LogicalType: new (schema: unknown, options?: unknown) => InternalType;
  };
}

/** With a cursor of our own, what fails can say where: avsc's `fromBuffer` keeps its cursor to itself. */
export const { Tap } = utils as { readonly Tap: new (bytes: Buffer) => Tap };

export const { Type, types } = avsc as unknown as Avsc;
