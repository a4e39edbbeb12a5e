import { MessagingError } from '../core/errors.js';

/** What the process ends with. A signal's own numbers say that it ended before everything was finished. */
export const EXIT = { done: 0, failed: 1, usage: 64, interrupted: 130, terminated: 143 } as const;

/** The command is right, and cannot be carried out. */
export class CommandError extends MessagingError {}

/** The command was written wrongly. */
export class UsageError extends MessagingError {}
