import { DeserializationError, SerializationError, type ErrorDetails } from '../core/errors.js';

/** Bytes with a frame that is none, or of a schema that nobody can look up. */
export class WireFormatError extends DeserializationError {}

/** Avro bytes that do not fit their schema: cut off, too long, or beyond the limits for collections and nesting. */
export class AvroDecodeError extends DeserializationError {
  constructor(
    message: string,
    /** The byte behind the last one that was read, from 0; the frame with the schema's id does not count. */
    readonly position: number,
    details: ErrorDetails = {},
  ) {
    super(message, details);
  }
}

/** What was written cannot be read as the topic's schema: the schemas have grown apart. */
export class SchemaResolutionError extends DeserializationError {}

/** The registry's schema is of a type that this library does not read, such as Protobuf. */
export class UnsupportedSchemaTypeError extends DeserializationError {}

/** A payload that its Avro schema cannot hold; `paths` tells where. */
export class AvroEncodeError extends SerializationError {
  constructor(
    message: string,
    /** Where: `lines.0.price`, with what is wrong. */
    readonly paths: readonly string[],
    details: ErrorDetails = {},
  ) {
    super(message, details);
  }
}
