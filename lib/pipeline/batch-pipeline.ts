import type { Attempt } from '../core/attempt.js';
import { toError } from '../core/errors.js';
import type { Verdict } from '../core/outcome.js';
import { afterSuccess } from './after-success.js';
import { BatchContext } from './batch-context.js';
import { beforeHandling } from './before-handling.js';
import { callOf, decode, isLeftToHandler, returned, thrown, type Call } from './call.js';
import { BatchError } from './errors.js';
import { isHandlerOutcome } from './handler-outcome.js';
import type { HandlerTarget } from './handler-target.js';
import type { PipelineOptions } from './pipeline-options.js';

/**
 * What happens to the deliveries of one batch. Each is decoded and piped by itself, and those that cannot be handled drop out; the rest goes
 * to the handler in one call, and each of it has its own outcome. One verdict for each attempt, in their order. Never rejects.
 */
export async function runBatchPipeline(
  attempts: readonly Attempt[],
  options: PipelineOptions,
): Promise<readonly Verdict[]> {
  const verdicts = new BatchVerdicts();
  const all = attempts.map((attempt) => callOf(attempt, options));
  const readable = await sift(all, verdicts, (call) => readOne(call, options));
  const { instrument } = options;
  const work = () => handleAll(readable, options, verdicts);
  if (readable.length > 0) await (instrument?.isOn ? instrument.around(contextOf(readable), work) : work());
  return attempts.map((attempt) => verdicts.of(attempt));
}

async function handleAll(readable: readonly Call[], options: PipelineOptions, verdicts: BatchVerdicts): Promise<void> {
  const target = await targetOf(readable, options);
  const calls = await sift(readable, verdicts, (call) => pipeOne(call, target, options));
  if (calls.length > 0) await handle(calls, options, verdicts);
}

/** The verdicts of a batch. A failure that is tried again holds up the later messages of its lane. */
class BatchVerdicts {
  private readonly byAttempt = new Map<Attempt, Verdict>();
  private readonly stopped = new Set<string>();

  set(attempt: Attempt, verdict: Verdict): void {
    this.byAttempt.set(attempt, verdict);
    if (attempt.lane !== undefined && verdict.kind === 'retry') this.stopped.add(attempt.lane);
  }

  of(attempt: Attempt): Verdict {
    return this.byAttempt.get(attempt) as Verdict;
  }

  isBehind({ lane }: Attempt): boolean {
    return lane !== undefined && this.stopped.has(lane);
  }
}

/** A message behind one of its lane that is to be tried again: whatever the handler says of it, it was no attempt. */
const BEHIND: Verdict = { kind: 'hold', delayMs: 0 };

/** One step for each message by itself; returns those that go on. */
async function sift(
  calls: readonly Call[],
  verdicts: BatchVerdicts,
  step: (call: Call) => Promise<Verdict | undefined>,
): Promise<readonly Call[]> {
  const going: Call[] = [];
  for (const call of calls) {
    const verdict = verdicts.isBehind(call.attempt) ? BEHIND : await step(call);
    if (verdict) verdicts.set(call.attempt, verdict);
    else going.push(call);
  }
  return going;
}

async function readOne(call: Call, options: PipelineOptions): Promise<Verdict | undefined> {
  const early = beforeHandling(call.attempt, options);
  if (early) return early;
  try {
    call.message = await decode(call, options);
    return undefined;
  } catch (error) {
    return thrown(call, toError(error), options);
  }
}

/** The handler's code, or why there is none for these messages. */
async function targetOf(
  calls: readonly Call[],
  options: PipelineOptions,
): Promise<{ readonly target: HandlerTarget } | { readonly error: Error }> {
  try {
    return { target: await options.target(contextOf(calls), messagesOf(calls)) };
  } catch (error) {
    return { error: toError(error) };
  }
}

async function pipeOne(
  call: Call,
  found: Awaited<ReturnType<typeof targetOf>>,
  options: PipelineOptions,
): Promise<Verdict | undefined> {
  if ('error' in found) return thrown(call, found.error, options);
  const { target } = found;
  call.target = target;
  if (!target.pipe) return undefined;
  try {
    const result = await target.pipe(call.message, call.context);
    if (isHandlerOutcome(result)) return await afterSuccess({ ...call, target, result }, options);
    call.message = result;
    return undefined;
  } catch (error) {
    return thrown(call, toError(error), options);
  }
}

async function handle(calls: readonly Call[], options: PipelineOptions, verdicts: BatchVerdicts): Promise<void> {
  const answer = await answerOf(calls, options);
  for (const [index, call] of calls.entries()) {
    const { attempt } = call;
    verdicts.set(attempt, verdicts.isBehind(attempt) ? BEHIND : await verdictOf(call, answer(index), options));
  }
}

/** What the handler says of each message, by its index. */
type Answer = (index: number) => { readonly result: unknown } | { readonly error: Error };

async function answerOf(calls: readonly Call[], options: PipelineOptions): Promise<Answer> {
  try {
    const target = calls[0]?.target as HandlerTarget;
    return resultsOf(await target.processBatch?.(messagesOf(calls), contextOf(calls)), calls.length, options);
  } catch (thrownValue) {
    const error = toError(thrownValue);
    if (!(error instanceof BatchError)) return () => ({ error });
    return (index) => {
      const own = error.errorOf(index);
      return own ? { error: own } : { result: error.results[index] };
    };
  }
}

function messagesOf(calls: readonly Call[]): unknown[] {
  return calls.map(({ message }) => message);
}

function contextOf(calls: readonly Call[]): BatchContext {
  return new BatchContext(calls.map(({ context }) => context));
}

/** As many results as messages; nothing will do where there is no output topic. */
function resultsOf(results: unknown, count: number, { handlerName, outputTopic }: PipelineOptions): Answer {
  if (results === undefined && outputTopic === undefined) return () => ({ result: undefined });
  if (isHandlerOutcome(results) && results.kind !== 'outputs') return () => ({ result: results });
  if (Array.isArray(results) && results.length === count) return (index) => ({ result: results[index] as unknown });
  const got = Array.isArray(results) ? `${results.length} results` : typeof results;
  throw new Error(
    `Expected ${handlerName} to return ${count} results, one for each message, got ${got}. Return undefined where there is none.`,
  );
}

async function verdictOf(call: Call, answer: ReturnType<Answer>, options: PipelineOptions): Promise<Verdict> {
  try {
    if ('error' in answer) return await thrown(call, answer.error, options);
    if (isLeftToHandler(call, answer.result)) return returned(call, options);
    return await afterSuccess({ ...call, target: call.target as HandlerTarget, result: answer.result }, options);
  } catch (error) {
    return thrown(call, toError(error), options);
  }
}
