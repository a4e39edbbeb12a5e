import type { BatchContext } from './batch-context.js';
import type { MessageContext } from './message-context.js';

/** What a tracer has put around the calls of handlers. */
export interface Instrument {
  /** It may come while the app runs. */
  readonly isOn: boolean;
  around<T>(context: MessageContext | BatchContext, work: () => Promise<T>): Promise<T>;
}
