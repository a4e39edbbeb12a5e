import type { HeadersInput } from '../core/headers.js';
import type { KeyInput } from '../core/key.js';
import type { TopicRef } from '../topic/topic.js';

/** One message to send, with the input's key unless it says another. */
export interface OutputMessage {
  /** The handler's output topic without it. */
  readonly topic?: TopicRef;
  readonly message: unknown;
  /** Text or bytes, or what the `keySchema` of the topic takes. */
  readonly key?: KeyInput | number | bigint | object;
  readonly headers?: HeadersInput;
}

const MARK = Symbol.for('nestjs-messaging:outcome');

type Decision =
  | { readonly kind: 'retry'; readonly afterMs: number | undefined }
  | { readonly kind: 'deadLetter'; readonly reason: string }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'outputs'; readonly messages: readonly OutputMessage[] };

/** What a handler, or a filter, may return instead of throwing: made by `retry`, `deadLetter`, `skip` and `outputs`. */
export type HandlerOutcome = Decision & { readonly [MARK]: true };

/**
 * The message is to be tried again, after `afterMs` or the policy's own delay. It counts as an attempt.
 *
 * @example
 * ```ts
 * if (await this.bank.isClosed()) return retry({ afterMs: 60_000 });
 * ```
 */
export function retry({ afterMs }: { readonly afterMs?: number } = {}): HandlerOutcome {
  return { [MARK]: true, kind: 'retry', afterMs };
}

/** The message is given up; the reason travels with the dead letter. */
export function deadLetter(reason: string): HandlerOutcome {
  return { [MARK]: true, kind: 'deadLetter', reason };
}

/** The message needs nothing done: it counts as handled, without output. */
export function skip(reason: string): HandlerOutcome {
  return { [MARK]: true, kind: 'skip', reason };
}

/**
 * Several outputs, or outputs with keys, headers and topics of their own. They are written before the input counts as handled.
 *
 * @example
 * ```ts
 * return outputs(order.lines.map((line) => ({ message: line, key: line.sku })));
 * ```
 */
export function outputs(messages: readonly OutputMessage[]): HandlerOutcome {
  return { [MARK]: true, kind: 'outputs', messages };
}

export function isHandlerOutcome(value: unknown): value is HandlerOutcome {
  return typeof value === 'object' && value !== null && MARK in value;
}
