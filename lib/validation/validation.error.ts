import { MessagingError, type ErrorDetails } from '../core/errors.js';

/** One property that is not what the schema says. */
export interface ValidationIssue {
  /** `lines.0.price` */
  readonly path: string;
  readonly message: string;
}

/**
 * A payload that the class-validator decorators of its topic's schema refuse. On the way out nothing was sent; on the way in the message
 * goes to the dead letter topic at once.
 *
 * @example
 * ```ts
 * if (error instanceof ValidationError) console.log(error.issues[0]?.path);
 * ```
 */
export class ValidationError extends MessagingError {
  constructor(
    what: string,
    readonly issues: readonly ValidationIssue[],
    details: ErrorDetails = {},
  ) {
    const shown = issues.slice(0, 5).map(({ path, message }) => `${path}: ${message}`);
    const rest = issues.length > shown.length ? ` and ${issues.length - shown.length} more` : '';
    super(`${what} is not valid: ${shown.join('; ')}${rest}.`, details);
  }
}
