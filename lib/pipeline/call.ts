import type { Attempt } from '../core/attempt.js';
import { MANUAL, type Verdict } from '../core/outcome.js';
import { afterFailure } from './after-failure.js';
import { isHandlerOutcome } from './handler-outcome.js';
import { ManualAck } from './manual-ack.js';
import { MessageContext } from './message-context.js';
import type { HandlerTarget } from './handler-target.js';
import type { PipelineOptions } from './pipeline-options.js';

/** One message in front of its handler. */
export interface Call {
  readonly attempt: Attempt;
  readonly context: MessageContext;
  readonly manual: ManualAck | undefined;
  message: unknown;
  /** Undefined until the message was read: no hook is told of what nobody could read. */
  target: HandlerTarget | undefined;
}

export function callOf(attempt: Attempt, options: PipelineOptions): Call {
  if (!options.isManual)
    return {
      attempt,
      context: new MessageContext(attempt, options.groupId),
      manual: undefined,
      message: undefined,
      target: undefined,
    };
  const manual: ManualAck = new ManualAck(attempt, (error) => afterFailure({ ...call, error }, options));
  const context = new MessageContext(attempt, options.groupId, manual);
  const call: Call = { attempt, context, manual, message: undefined, target: undefined };
  return call;
}

/** The payload, with the key where keys are more than text; a promise where the format needs one. */
export function decode({ attempt, context }: Call, { serializer }: PipelineOptions): unknown {
  const { delivery } = attempt;
  const { key, value } = delivery;
  const payload: unknown = value === null ? null : serializer.deserialize(value, delivery);
  if (key === null || !serializer.deserializeKey) return payload;
  return withKey(context, () => serializer.deserializeKey?.(key, delivery), payload);
}

/** Both are awaited, whichever fails: neither rejection is left alone. */
async function withKey(context: MessageContext, read: () => unknown, payload: unknown): Promise<unknown> {
  const [message, key] = await Promise.all([payload, Promise.resolve().then(read)]);
  context.receiveKey(key);
  return message;
}

/** Whether the handler acknowledges by itself, and neither it nor a filter has said by an outcome what is to follow. */
export function isLeftToHandler({ manual }: Call, result: unknown): boolean {
  return manual !== undefined && !(manual.isOpen && isHandlerOutcome(result));
}

/** The handler that acknowledges by itself has returned; it may still decide, but not for ever. */
export function returned({ manual, attempt }: Call, options: PipelineOptions): Verdict {
  manual?.handlerReturned(() => options.clock.after(options.ackTimeoutMs, () => options.report.ackOverdue(attempt)));
  return MANUAL;
}

/** The call has thrown. What was acknowledged before stays so. */
export function thrown(call: Call, error: Error, options: PipelineOptions): Verdict | Promise<Verdict> {
  if (call.manual?.isOpen !== false) {
    call.manual?.handlerFailed();
    return afterFailure({ ...call, error }, options);
  }
  options.log.error(`${options.handlerName} threw after the message was decided: ${error.message}`, error.stack);
  return returned(call, options);
}
