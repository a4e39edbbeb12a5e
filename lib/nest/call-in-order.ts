import { isObservable, lastValueFrom } from 'rxjs';
import { executionContextOf } from './execution-context.js';
import type { Fill } from './handler-arguments.js';
import type { Guards, Method, NestCall } from './handler-code.js';
import type { ErrorHandler } from './nest-internals.js';

export interface Steps {
  readonly guards: Guards | null | undefined;
  readonly fill: Fill;
  readonly filters: ErrorHandler;
  readonly instance: object;
  readonly callback: Method;
  /** Told when a guard or a pipe throws: it has turned the message down. */
  readonly onRefusal: (thrown: unknown) => void;
}

/** The steps of Nest's own call where no interceptor stands around the method, with a third of its promises. A guard may replace the arguments. */
export function callInOrder({ guards, fill, filters, instance, callback, onRefusal }: Steps): NestCall {
  return async (payload, context) => {
    const given = [payload, context];
    const args: unknown[] = [];
    let isCalled = false;
    try {
      if (guards) await guards(given);
      await fill(args, given[0], given[1]); // also where it made no promise: the method never runs inside of its caller
      isCalled = true;
      const result: unknown = await callback.apply(instance, args);
      return isObservable(result) ? await lastValueFrom(result) : result;
    } catch (thrown) {
      if (!isCalled) onRefusal(thrown);
      return filters.next(thrown, executionContextOf([payload, context], { type: instance.constructor, callback }));
    }
  };
}
