import type { MessageOf, PayloadClass, TopicRef } from './topic.js';

/** A payload as a handler may ask for it; a topic without a schema takes handlers of any payload. */
export type Taken<T> = T extends { readonly schema: PayloadClass } ? MessageOf<T> : never;

/** What a handler may return where its results go to a topic; without a schema there, anything. */
export type Returned<Out> = Out extends { readonly schema: PayloadClass }
  ? MessageOf<Out> | null | undefined | void
  : unknown;

/** Any method; its parameters are compared by `HandlerCheck`. */
export type AnyMethod = (...args: never[]) => unknown;

/**
 * Nothing to add when the method fits its topics; else an object with the reason, which no descriptor has, so that the compiler
 * shows it.
 */
export type HandlerCheck<Method extends AnyMethod, T extends TopicRef, Out, Result> =
  Takes<Required<Parameters<Method>>, Taken<T>> extends false
    ? { readonly 'This method takes another payload than its topic has': MessageOf<T> }
    : Gives<Awaited<ReturnType<Method>>, Returned<Out>, Result> extends false
      ? { readonly 'This method returns another result than its output topic takes': MessageOf<Out> }
      : unknown;

/** Whether one of the parameters takes the payload, or a batch of it; a method without parameters needs none. */
type Takes<Args extends readonly unknown[], Payload> = Args extends readonly []
  ? true
  : [Payload] extends [never]
    ? true
    : TakesOne<Args, Payload>;

type TakesOne<Args extends readonly unknown[], Payload> = Args extends readonly [infer First, ...infer Rest]
  ? [Payload] extends [First]
    ? true
    : [Payload[]] extends [First]
      ? true
      : TakesOne<Rest, Payload>
  : false;

type Gives<Result, Wanted, Outcome> = [Result] extends [Wanted | Outcome | readonly (Wanted | Outcome)[]]
  ? true
  : false;
