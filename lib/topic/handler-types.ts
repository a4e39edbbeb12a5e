import type { KeyOf, MessageOf, PayloadClass, TopicClass, TopicRef } from './topic.js';

/** A payload as a handler may ask for it; a topic without a schema takes handlers of any payload. */
export type Taken<T> = T extends { readonly schema: PayloadClass } ? MessageOf<T> : never;

/** A key as a handler may ask for it: text, or what the topic's `keySchema` tells; of a topic by name, and of other schemas, any. */
export type TakenKey<T> = T extends { readonly keySchema: unknown }
  ? unknown extends KeyOf<T>
    ? never
    : KeyOf<T>
  : T extends TopicClass
    ? TopicClass extends T
      ? never
      : string
    : never;

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

/**
 * The same of its key, which is in the context that a method takes.
 *
 * @typeParam Context the contexts of this topic
 * @typeParam AnyContext the contexts of any
 */
export type KeyCheck<Method extends AnyMethod, T extends TopicRef, Context, AnyContext> =
  TakesKey<Required<Parameters<Method>>, Context, AnyContext> extends false
    ? { readonly 'This method takes another key than its topic has': TakenKey<T> }
    : unknown;

type TakesKey<Args extends readonly unknown[], Context, AnyContext> = Args extends readonly [infer First, ...infer Rest]
  ? [First] extends [AnyContext]
    ? [Extract<Context, First>] extends [never]
      ? false
      : TakesKey<Rest, Context, AnyContext>
    : TakesKey<Rest, Context, AnyContext>
  : true;

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
