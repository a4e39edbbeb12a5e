import { isObservable, lastValueFrom } from 'rxjs';
import type { Attempt } from '../core/attempt.js';
import { toError } from '../core/errors.js';
import type { Verdict } from '../core/outcome.js';
import { afterSuccess } from './after-success.js';
import { beforeHandling } from './before-handling.js';
import { callOf, decode, isLeftToHandler, returned, thrown } from './call.js';
import type { PipelineOptions } from './pipeline-options.js';

/** What happens to one delivery: decode, handle, and what follows. It only decides; the driver carries the outcome out. Never rejects. */
export async function runPipeline(attempt: Attempt, options: PipelineOptions): Promise<Verdict> {
  const early = beforeHandling(attempt, options);
  if (early) return early;
  const call = callOf(attempt, options);
  try {
    const decoded = decode(call, options);
    call.message = decoded instanceof Promise ? await decoded : decoded;
    const target = options.target(call.context, call.message);
    call.target = target instanceof Promise ? await target : target;
    const returnedValue: unknown = await call.target.process(call.message, call.context);
    const result = isObservable(returnedValue) ? await lastValueFrom(returnedValue) : returnedValue;
    if (isLeftToHandler(call, result)) return returned(call, options);
    const verdict = afterSuccess({ attempt, message: call.message, target: call.target, result }, options);
    return verdict instanceof Promise ? await verdict : verdict;
  } catch (error) {
    return thrown(call, toError(error), options);
  }
}
