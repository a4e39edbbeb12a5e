import { isObservable, lastValueFrom } from 'rxjs';
import type { Attempt } from '../core/attempt.js';
import { toError } from '../core/errors.js';
import type { Verdict } from '../core/outcome.js';
import { afterSuccess } from './after-success.js';
import { beforeHandling } from './before-handling.js';
import { callOf, decode, isLeftToHandler, returned, thrown, type Call } from './call.js';
import type { HandlerTarget } from './handler-target.js';
import type { Instrument } from './instrument.js';
import type { PipelineOptions } from './pipeline-options.js';

/** What happens to one delivery: decode, handle, and what follows. It only decides; the driver carries the outcome out. Never rejects. */
export async function runPipeline(attempt: Attempt, options: PipelineOptions): Promise<Verdict> {
  const early = beforeHandling(attempt, options);
  if (early) return early;
  const call = callOf(attempt, options);
  try {
    call.message = await decode(call, options); // also where it is no promise: what a handler enters into an `AsyncLocalStorage` stays its own
    const answer = await ask(call, options);
    const result: unknown = isObservable(answer) ? await lastValueFrom(answer) : answer;
    const verdict = follow(call, result, options);
    return verdict instanceof Promise ? await verdict : verdict;
  } catch (error) {
    return thrown(call, toError(error), options);
  }
}

function ask(call: Call, options: PipelineOptions): unknown {
  const { instrument } = options;
  return instrument?.isOn ? observed(call, options, instrument) : handle(call, options);
}

/** The handler has returned this. */
function follow(call: Call, result: unknown, options: PipelineOptions): Verdict | Promise<Verdict> {
  if (isLeftToHandler(call, result)) return returned(call, options);
  const { attempt, message, target } = call;
  return afterSuccess({ attempt, message, target: target as HandlerTarget, result }, options);
}

/** The handler's code is asked for here, since a tracer may want to see an instance being made. */
function handle(call: Call, options: PipelineOptions): unknown {
  const target = options.target(call.context, call.message);
  return target instanceof Promise ? target.then((made) => processBy(made, call)) : processBy(target, call);
}

function processBy(target: HandlerTarget, call: Call): unknown {
  call.target = target;
  return target.process(call.message, call.context);
}

/** An observable is read to its end before the tracer hears of the end. */
function observed(call: Call, options: PipelineOptions, instrument: Instrument): Promise<unknown> {
  return instrument.around(call.context, async () => {
    const value: unknown = await handle(call, options);
    return isObservable(value) ? lastValueFrom(value) : value;
  });
}
