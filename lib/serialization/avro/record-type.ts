import {
  types,
  type Check,
  type InternalType,
  type Read,
  type RecordConstructor,
  type RecordInternals,
  type Resolver,
  type Skip,
  type Write,
} from './avsc.js';
import { enterRecord, leaveRecord } from './guard.js';
import type { AvroLimits, RecordShape, RecordShapes } from './shapes.js';
import { isCollection, shown } from './values.js';

type Plain = Readonly<Record<string, unknown>>;

/**
 * Records that are made as instances of their class, with the class's property names, and that neither nest for ever nor drop what the
 * schema does not know. avsc freezes a type in its constructor, so everything hangs on the methods that the constructor calls.
 */
export function recordType(shapes: RecordShapes, { maxDepth }: AvroLimits) {
  const { RecordType } = types;
  const original = RecordType.prototype as RecordInternals;

  class ShapedRecord extends RecordType {}
  const methods: Partial<RecordInternals> & ThisType<RecordInternals> = {
    _createConstructor(errorStack) {
      const shape = shapeOf(shapes, this);
      return shaped(original._createConstructor.call(this, errorStack, true), this, shape);
    },
    _createReader() {
      return bounded(original._createReader.call(this), maxDepth);
    },
    _createSkipper() {
      return bounded(original._createSkipper.call(this), maxDepth) as Skip;
    },
    _createWriter() {
      return strictWriter(original._createWriter.call(this), this, shapeOf(shapes, this));
    },
    _createChecker() {
      return renamedCheck(original._createChecker.call(this), shapeOf(shapes, this));
    },
    _update(resolver: Resolver, writer: InternalType, options: unknown) {
      original._update.call(this, resolver, writer, options);
      resolver._read = bounded(resolver._read, maxDepth);
    },
  };
  Object.assign(ShapedRecord.prototype, methods);
  return ShapedRecord;
}

function shapeOf(shapes: RecordShapes, { name }: InternalType): RecordShape | undefined {
  return name === undefined ? undefined : shapes.get(name);
}

/** Instances of the class without its constructor being called; of a record without a class, plain objects. */
function shaped(
  Constructor: RecordConstructor,
  { fields }: RecordInternals,
  shape: RecordShape | undefined,
): RecordConstructor {
  const prototype = shape?.prototype ?? Object.prototype;
  Object.defineProperty(Constructor, 'prototype', { value: prototype });
  if (!shape || shape.renamed.size === 0) return Constructor;
  const names = fields.map(({ name }) => [name, shape.renamed.get(name) ?? name] as const);
  const Renamed = function (...values: unknown[]) {
    const record = new Constructor(...values);
    const instance = Object.create(prototype) as Record<string, unknown>;
    for (const [name, property] of names) instance[property] = record[name];
    return instance;
  };
  return Renamed as unknown as RecordConstructor;
}

function bounded(read: Read, maxDepth: number): Read {
  return function (this: unknown, tap, ...rest) {
    enterRecord(tap, maxDepth);
    const value = read.call(this, tap, ...rest);
    leaveRecord(tap);
    return value;
  };
}

/** avsc leaves out what the schema does not have, without a word. */
function strictWriter(write: Write, { fields, name }: RecordInternals, shape: RecordShape | undefined): Write {
  const known = new Set(fields.map((field) => shape?.renamed.get(field.name) ?? field.name));
  return function (this: unknown, tap, value) {
    if (typeof value !== 'object' || value === null || isCollection(value))
      throw new TypeError(`${shown(value)}; expected a record ${name}`);
    for (const property of Object.keys(value))
      if (!known.has(property) && (value as Plain)[property] !== undefined)
        throw new TypeError(`the property \`${property}\`, which record ${name} has not`);
    write.call(this, tap, fieldsOf(value as Plain, shape));
  };
}

function renamedCheck(check: Check, shape: RecordShape | undefined): Check {
  if (!shape || shape.renamed.size === 0) return check;
  return function (this: unknown, value, ...rest) {
    const fields = typeof value === 'object' && value !== null ? fieldsOf(value as Plain, shape) : value;
    return check.call(this, fields, ...rest);
  };
}

/** An instance with its fields' names. */
function fieldsOf(value: Plain, shape: RecordShape | undefined): Plain {
  if (!shape || shape.renamed.size === 0) return value;
  const fields: Record<string, unknown> = { ...value };
  for (const property of shape.renamed.values()) delete fields[property];
  for (const [field, property] of shape.renamed) fields[field] = value[property];
  return fields;
}
