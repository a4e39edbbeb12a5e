import { MessagingError, type ErrorDetails } from '../core/errors.js';

interface RegistryErrorDetails extends ErrorDetails {
  /** The HTTP status, where there was an answer. */
  readonly status?: number | undefined;
  /** The registry's own code, such as 40403. */
  readonly errorCode?: number | undefined;
}

/** The schema registry refused, or could not be asked. */
export class SchemaRegistryError extends MessagingError {
  readonly status: number | undefined;
  readonly errorCode: number | undefined;

  constructor(message: string, details: RegistryErrorDetails = {}) {
    super(message, details);
    this.status = details.status;
    this.errorCode = details.errorCode;
  }
}

/** No registry answers. What it is needed for waits: no message is given up for it. */
export class RegistryUnavailableError extends SchemaRegistryError {
  override readonly retryable = true;
  override readonly pausesPartition = true;
}

/** The registry does not let us in. Messages wait until it does. */
export class RegistryAuthError extends SchemaRegistryError {
  override readonly pausesPartition = true;
}

/** The registry's certificate is not trusted, or it wants one of ours. Messages wait until that is mended. */
export class RegistryTlsError extends SchemaRegistryError {
  override readonly pausesPartition = true;
}

/** The registry has no schema of that id; one just registered may take a moment to reach every registry. */
export class SchemaNotFoundError extends SchemaRegistryError {
  override readonly retryable = true;
}

/** The registry has no such subject, or not this schema in it. */
export class SubjectNotFoundError extends SchemaRegistryError {}

/** The schema breaks the subject's compatibility rule. */
export class IncompatibleSchemaError extends SchemaRegistryError {
  constructor(
    message: string,
    details: RegistryErrorDetails = {},
    /** What the registry says of each place that breaks it, as far as it tells. */
    readonly messages: readonly string[] = [],
  ) {
    super(messages.length === 0 ? message : `${message} ${messages.join('; ')}`, details);
  }
}

/** The registry does not take the schema as one. */
export class InvalidSchemaError extends SchemaRegistryError {}
