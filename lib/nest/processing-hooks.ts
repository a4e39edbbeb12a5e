import { AsyncResource } from 'node:async_hooks';
import type { Server } from '@nestjs/microservices';
import { toError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { BatchContext } from '../pipeline/batch-context.js';
import type { Instrument } from '../pipeline/instrument.js';
import type { MessageContext } from '../pipeline/message-context.js';

export type StartHook = Parameters<Server['setOnProcessingStartHook']>[0];
export type EndHook = Parameters<Server['setOnProcessingEndHook']>[0];
type Context = MessageContext | BatchContext;

/** What Nest tells our server by, and its tracers. */
export const TRANSPORT_ID = Symbol.for('nestjs-messaging');

/** What instruments set on our server, as on every server of Nest: told of each message, before its handler and after. */
export class ProcessingHooks implements Instrument {
  start: StartHook | undefined;
  end: EndHook | undefined;

  constructor(private readonly log: Log) {}

  get isOn(): boolean {
    return this.start !== undefined || this.end !== undefined;
  }

  /**
   * Does the work when the start hook says so, in the async context that it says so in. A hook that fails harms no message, and a store that it
   * enters is this message's alone.
   */
  around<T>(context: Context, work: () => Promise<T>): Promise<T> {
    let working: Promise<T> | undefined;
    return new Promise((resolve) => {
      const done = (): Promise<T> => {
        working ??= work().finally(() => this.finish(context));
        resolve(working);
        return working;
      };
      const failed = async (error: unknown): Promise<void> => {
        const own: unknown = await working?.then(undefined, (reason: unknown) => reason);
        if (!working || error !== own) this.tell(error);
        void done();
      };
      void new AsyncResource('nestjs-messaging').runInAsyncScope(() => this.open(context, done).catch(failed));
    });
  }

  private async open(context: Context, done: () => Promise<unknown>): Promise<void> {
    const begun: unknown = this.start ? this.start(TRANSPORT_ID, context, done) : done();
    await begun; // Nest says that it is void, and hooks may be async
  }

  private finish(context: Context): void {
    try {
      this.end?.(TRANSPORT_ID, context);
    } catch (error) {
      this.tell(error);
    }
  }

  private tell(error: unknown): void {
    const { message, stack } = toError(error);
    const names = 'setOnProcessingStartHook or setOnProcessingEndHook';
    this.log.error(`A hook that an instrument set with ${names} failed: ${message}`, stack);
  }
}
