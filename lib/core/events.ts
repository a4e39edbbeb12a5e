import { channel } from 'node:diagnostics_channel';
import type { MessagingError } from './errors.js';
import type { SettledAs, Verdict } from './outcome.js';

/** A message that its sender does not wait for was not written. */
export interface SendFailedEvent {
  readonly connection: string;
  readonly topic: string;
  readonly error: MessagingError;
}

/** What an event of a handler is about. */
export interface HandlerEvent {
  /** Tells the apps of one process apart: each has an id of its own. */
  readonly app: string;
  readonly handler: string;
  readonly connection: string;
  readonly groupId: string;
}

/** What an event of one message is about. */
export interface MessageEvent extends HandlerEvent {
  readonly topic: string;
  readonly partition: number;
  /** Position in the partition; on Redis the entry id. */
  readonly offset: string;
  /** 1 for the first call. */
  readonly attempt: number;
}

/** An attempt has failed, and another follows. */
export interface RetryEvent extends MessageEvent {
  readonly delayMs: number;
  readonly error: Error;
}

/** A message is given up. */
export interface GaveUpEvent extends MessageEvent {
  readonly reason: string;
  /** Where it goes; undefined where it goes nowhere. */
  readonly deadLetterTopic: string | undefined;
  readonly error: Error;
}

/** A handler was called for a message, or for a batch that the message is in. */
export interface AttemptEvent extends MessageEvent {
  /** What follows: `settle` (handled or given up), `retry`, `hold`, `manual` (it acknowledges by itself) or `stop`. */
  readonly verdict: Verdict['kind'];
  /** From the decoding to the verdict, in ms. */
  readonly durationMs: number;
}

/** A message is done with: its outcome is written, and its position or acknowledgement follows. */
export interface SettledEvent extends MessageEvent {
  readonly as: SettledAs;
}

/** Outcomes that counted for nothing: their messages had been settled by whoever had taken them, and of these nothing was written. */
export interface LateEvent extends HandlerEvent {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
}

/** A handler does not run any more; its unfinished messages stay unsettled. */
export interface HandlerStoppedEvent extends HandlerEvent {
  /** What ended it; undefined when it was stopped on purpose. */
  readonly error: Error | undefined;
}

/** A connection answers again, or does not any more. */
export interface ConnectionEvent {
  readonly connection: string;
  readonly state: 'up' | 'down';
  readonly error: MessagingError | undefined;
}

/** A message, or several, were written or not. */
export interface SentEvent {
  readonly connection: string;
  readonly topic: string;
  readonly count: number;
  /** How many of them were not written. */
  readonly failed: number;
  /** From the call to the broker's answer, in ms. */
  readonly durationMs: number;
}

/**
 * What the library tells on `node:diagnostics_channel`; a channel that nobody listens to costs nothing. `WorkerService.stats` is counted from
 * `settled`, `retry`, `ackOverdue`, `taken` and `late`, so `settled` is told for each message: it is a plain object, since spreading one costs more than the
 * rest of the way of a message (measured: 3 µs against 10 ns).
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * subscribe('messaging:gave-up', (event) => metrics.increment('dead', (event as GaveUpEvent).handler));
 * ```
 */
export const events = {
  sendFailed: typed<SendFailedEvent>('messaging:send-failed'),
  sent: typed<SentEvent>('messaging:sent'),
  attempt: typed<AttemptEvent>('messaging:attempt'),
  settled: typed<SettledEvent>('messaging:settled'),
  retry: typed<RetryEvent>('messaging:retry'),
  gaveUp: typed<GaveUpEvent>('messaging:gave-up'),
  /** A message was not acknowledged within `ackTimeoutMs`. */
  ackOverdue: typed<MessageEvent>('messaging:ack-overdue'),
  /** A handler lost a message that it had: this process was silent for too long, or its member crashed, and another member has it, or may have it. */
  taken: typed<MessageEvent>('messaging:taken'),
  late: typed<LateEvent>('messaging:late'),
  handlerStarted: typed<HandlerEvent>('messaging:handler-started'),
  handlerStopped: typed<HandlerStoppedEvent>('messaging:handler-stopped'),
  connection: typed<ConnectionEvent>('messaging:connection'),
};

interface Channel<Event> {
  readonly hasSubscribers: boolean;
  publish(event: Event): void;
  subscribe(listen: (event: Event) => void): void;
  unsubscribe(listen: (event: Event) => void): void;
}

function typed<Event>(name: string): Channel<Event> {
  return channel(name) as unknown as Channel<Event>;
}
