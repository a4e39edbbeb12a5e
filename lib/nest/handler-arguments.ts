import 'reflect-metadata';
import { type ArgumentMetadata, type PipeTransform, ValidationPipe } from '@nestjs/common';
import type { ExternalContextCreator } from '@nestjs/core';

/** `RpcParamtype` of @nestjs/microservices, which does not export it. */
export const PAYLOAD = 3;
const CONTEXT = 6;

type CreatePipes = ExternalContextCreator['createPipesFn'];
type Argument = Parameters<CreatePipes>[1][number];
type TypedArgument = Argument & { readonly metatype?: unknown; readonly schema?: unknown };

/** Where Nest's own and custom param decorators leave what they know. */
export const ROUTE_ARGUMENTS = '__routeArguments__';

/**
 * - `single`: the payload is one message.
 * - `batch`: it is an array, whose messages went through the pipes before, each by itself.
 * - `item`: one message of a batch on its way through the pipes.
 */
export type CallKind = 'single' | 'batch' | 'item';

export interface ArgumentRules {
  readonly kind: CallKind;
  /** What the compiler says of the parameters. */
  readonly types: readonly unknown[] | undefined;
  /** The class of the payload, whatever the compiler says. */
  readonly schema: unknown;
  /** Whether the topic has validated the payload by that class: no `ValidationPipe` does it again. */
  readonly isValidated: boolean;
  /** Told when a `ValidationPipe` has no type to validate the payload by. */
  readonly onUntyped: () => void;
}

/** What param decorators of @nestjs/microservices stand for. */
export const paramsFactory = {
  exchangeKeyForValue(type: number, data: unknown, [payload, context]: readonly unknown[]): unknown {
    if (type === CONTEXT) return context;
    if (type !== PAYLOAD) return undefined;
    if (typeof data !== 'string') return payload;
    return Array.isArray(payload) ? payload.map((one) => propertyOf(one, data)) : propertyOf(payload, data);
  },
};

/** Makes the arguments of a call, in `args`; a promise where something has to be waited for. */
export type Fill = (args: unknown[], payload: unknown, context: unknown) => Promise<unknown> | void;

/**
 * Replaces Nest's own making of a handler's arguments, for six reasons: a first and second parameter without decorators are payload and
 * context, and go through the pipes too; the payload's type may be said by `schema`; what the topic has validated is not validated again; a
 * tombstone has no payload to pipe; no pipe sees the context; and each message of a batch is piped whole, whatever part of it the handler takes.
 */
export function createFill(rules: ArgumentRules, bound: PipeTransform[], declared: readonly Argument[]): Fill {
  const { kind, schema } = rules;
  const types = kind === 'item' ? undefined : rules.types; // of a batch they say `Array`
  const all = withDefaults(kind === 'item' ? withWholePayload(declared) : declared, types).map((one) => ({
    ...one,
    metatype: metatypeOf(kind === 'item' ? { ...one, metatype: undefined } : one, schema),
  }));
  if (kind !== 'batch' && all.some((one) => isUntyped(one, bound, types))) rules.onUntyped();
  const wanted = kind === 'item' ? all.filter(isWholePayload).slice(0, 1) : all;
  const plans = wanted.map((one) => planOf(one, { rules, bound }));
  return (args, payload, context) => {
    let made: Promise<void>[] | undefined;
    for (const plan of plans) {
      const making = make(plan, args, payload, context);
      if (making) (made ??= []).push(making);
    }
    return made?.length === 1 ? made[0] : made && Promise.all(made);
  };
}

/** How one argument is made: where it goes, and what it goes through. */
interface Plan {
  readonly one: Argument;
  readonly index: number;
  readonly pipes: PipeTransform[];
  /** What a pipe is told. */
  readonly about: ArgumentMetadata;
}

function planOf(one: TypedArgument, from: { readonly rules: ArgumentRules; readonly bound: PipeTransform[] }): Plan {
  const { kind } = from.rules;
  const pipes = isPiped(one, kind) ? pipesOf(one, from.bound, from.rules) : [];
  const { type, metatype, data, schema } = one;
  const about = { type: type === PAYLOAD ? 'body' : 'custom', metatype, data, ...(schema !== undefined && { schema }) };
  return {
    one,
    index: kind === 'item' ? 0 : one.index,
    pipes,
    about: about as ArgumentMetadata,
  };
}

/** A promise where something has to be waited for, or has failed. Most pipes have their answer at once. */
function make(plan: Plan, args: unknown[], payload: unknown, context: unknown): Promise<void> | void {
  const { one, index, about } = plan;
  const pipes = one.type === PAYLOAD && payload === null ? [] : plan.pipes;
  try {
    let value: unknown = one.extractValue(payload, context);
    let done = 0;
    while (done < pipes.length && !isThenable(value)) value = pipes[done++]?.transform(value, { ...about });
    if (isThenable(value)) return makeLater(plan, args, value, pipes.slice(done));
    args[index] = value;
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

async function makeLater({ index, about }: Plan, args: unknown[], promised: unknown, pipes: readonly PipeTransform[]) {
  let value = await promised;
  for (const pipe of pipes) value = await pipe.transform(value, { ...about });
  args[index] = value;
}

function isThenable(value: unknown): boolean {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

/** Where a batch handler takes a part of each message, the message is piped whole before that. */
function withWholePayload(declared: readonly Argument[]): readonly Argument[] {
  return declared.some(isWholePayload) ? declared : [...declared, undecorated(PAYLOAD, 0, undefined)];
}

/** An interface leaves `Object` behind, which says that there is nothing to validate by; nothing at all, or `Function`, is an oversight. */
function isUntyped(
  one: Argument & { readonly metatype: unknown },
  bound: readonly PipeTransform[],
  types: readonly unknown[] | undefined,
): boolean {
  if (!isWholePayload(one) || one.metatype !== undefined || types?.[one.index] === Object) return false;
  return [...bound, ...one.pipes].some((pipe) => pipe instanceof ValidationPipe);
}

/** Types that the compiler writes when it knows none: of an interface, and of a class that is imported as a type only. */
function isErased(type: unknown): boolean {
  return type === undefined || type === Object || type === Function;
}

function withDefaults(declared: readonly Argument[], types: readonly unknown[] | undefined): Argument[] {
  const missing = [PAYLOAD, CONTEXT].flatMap((type, index) =>
    declared.some((one) => one.index === index) ? [] : [undecorated(type, index, types?.[index])],
  );
  return [...declared, ...missing];
}

function undecorated(type: number, index: number, metatype: unknown): Argument {
  const extractValue = (...args: unknown[]): unknown => args[index];
  return { index, type, data: undefined as never, pipes: [], metatype, extractValue };
}

function metatypeOf(one: Argument & { readonly metatype?: unknown }, schema: unknown): unknown {
  if (isWholePayload(one) && schema !== undefined) return schema;
  return isErased(one.metatype) ? undefined : one.metatype;
}

function isPiped({ type }: Argument, kind: CallKind): boolean {
  if (type === CONTEXT) return false;
  return type !== PAYLOAD || kind !== 'batch';
}

function pipesOf(one: Argument, bound: readonly PipeTransform[], { isValidated }: ArgumentRules): PipeTransform[] {
  const all = [...bound, ...(one.pipes as PipeTransform[])];
  return isValidated && isWholePayload(one) ? all.filter((pipe) => !(pipe instanceof ValidationPipe)) : all;
}

function isWholePayload({ type, data }: Argument): boolean {
  return type === PAYLOAD && typeof data !== 'string';
}

function propertyOf(payload: unknown, name: string): unknown {
  return (payload as Readonly<Record<string, unknown>> | null | undefined)?.[name];
}
