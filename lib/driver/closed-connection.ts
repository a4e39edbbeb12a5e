import { ClosedError } from '../core/errors.js';

/** Of a question about topics or groups. */
export function closedAdmin(connection: string): ClosedError {
  return new ClosedError(`Connection \`${connection}\` is closed.`, { connection });
}

/** The fault of a record that comes when nothing is sent any more, or was not sent by then; on every broker. */
export function closedConnection(connection: string): ClosedError {
  return new ClosedError(`Connection \`${connection}\` is closed. Send before the app closes.`, { connection });
}
