import type { Attempt } from '../core/attempt.js';
import type { OutgoingRecord } from '../core/message.js';
import { ACK, SETTLE_ACK, type Settle, type Verdict } from '../core/outcome.js';
import { afterFailure, giveUp, tell } from './after-failure.js';
import { isHandlerOutcome, type HandlerOutcome, type OutputMessage } from './handler-outcome.js';
import type { HandlerTarget } from './handler-target.js';
import { toOutputs } from './output.js';
import type { PipelineOptions } from './pipeline-options.js';

/** A message that its handler has returned from. */
export interface Handled {
  readonly attempt: Attempt;
  readonly message: unknown;
  readonly target: HandlerTarget;
  readonly result: unknown;
}

/** What follows a call that returned. @throws what makes an output impossible: it is a failure of the message. */
export function afterSuccess(handled: Handled, options: PipelineOptions): Verdict | Promise<Verdict> {
  const { result, target } = handled;
  if (isHandlerOutcome(result)) return afterOutcome(result, handled, options);
  if (result !== undefined && options.outputTopic !== undefined)
    return withOutputs([{ message: result }], handled, options);
  return target.onSuccess ? withHook(SETTLE_ACK, handled, options) : SETTLE_ACK;
}

function afterOutcome(outcome: HandlerOutcome, handled: Handled, options: PipelineOptions): Verdict | Promise<Verdict> {
  const { attempt, message, target } = handled;
  switch (outcome.kind) {
    case 'retry': {
      const error = new Error('the handler asked for another attempt');
      return afterFailure({ attempt, message, target, error, asked: outcome }, options);
    }
    case 'deadLetter':
      return giveUp({ attempt, message, target, error: new Error(outcome.reason) }, outcome.reason, options);
    case 'skip':
      options.log.debug(`${options.handlerName} skips a message: ${outcome.reason}`);
      return { kind: 'settle', outcome: ACK, as: 'skipped' };
    case 'outputs':
      return withOutputs(outcome.messages, handled, options);
  }
}

function withOutputs(
  messages: readonly OutputMessage[],
  handled: Handled,
  options: PipelineOptions,
): Settle | Promise<Settle> {
  const records = toOutputs(messages, handled.attempt, options);
  const settle = (outputs: readonly OutgoingRecord[]) => settleWith(outputs, handled, options);
  return records instanceof Promise ? records.then(settle) : settle(records);
}

function settleWith(outputs: readonly OutgoingRecord[], handled: Handled, options: PipelineOptions): Settle {
  const { attempt, message, target } = handled;
  const settle: Settle = {
    kind: 'settle',
    outcome: { kind: 'ack', outputs },
    as: 'handled',
    recover: (error) => giveUp({ attempt, message, target, error }, 'output', options),
  };
  return target.onSuccess ? withHook(settle, handled, options) : settle;
}

function withHook(settle: Settle, { message, target, result }: Handled, options: PipelineOptions): Settle {
  return { ...settle, after: () => tell('onSuccess', options, () => target.onSuccess?.(message, result)) };
}
