import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { methodOf, type HandlerCode } from './handler-code.js';
import type { AppConfig } from './nest-internals.js';
import { PAYLOAD, ROUTE_ARGUMENTS } from './handler-arguments.js';
import { preRequestHooksOf } from './pre-request-hooks.js';

const ENHANCERS = ['__guards__', '__interceptors__', '__pipes__', '__exceptionFilters__'];

/** A handler's class and its method, as decorators wrote on them. */
export interface MethodRef {
  readonly type: object;
  readonly method: string;
  readonly callback: object;
}

/** Whether anything of Nest stands between a message and this method; else it can be called directly. */
export function hasEnhancers({ type, method, callback }: MethodRef): boolean {
  const isBound = (target: object) => ENHANCERS.some((key) => Reflect.getMetadata(key, target) !== undefined);
  return isBound(type) || isBound(callback) || Reflect.getMetadata(ROUTE_ARGUMENTS, type, method) !== undefined;
}

/**
 * The classes bound to a method of which its module has no instance: Nest would leave them out without a word, guards too. So it is where
 * Nest did not see the class of the handler, because it is provided by `useValue` or `useFactory`.
 */
export function enhancersWithoutInstance({ type, wrapper, process, processBatch }: HandlerCode): string[] {
  const { host, instance } = wrapper;
  const bound = [process, processBatch].flatMap((method) => {
    const callback = methodOf(instance as object, method);
    const onTargets = ENHANCERS.flatMap((key) => [...listOf(key, type), ...(callback ? listOf(key, callback) : [])]);
    return [...onTargets, ...pipesOfParameters(type, method)];
  });
  const classes = bound.filter((one) => typeof one === 'function') as (Type & { readonly name: string })[];
  return [...new Set(classes)].filter((one) => !host?.injectables.has(one)).map(({ name }) => name);
}

/** The parts of the payload that a method takes through pipes of their own: `@Payload('id', ParseIntPipe)`. */
export function pipedParts({ type, processBatch }: HandlerCode): string[] {
  return parametersOf(type, processBatch).flatMap(([key, { data, pipes = [] }]) =>
    key.startsWith(`${PAYLOAD}:`) && typeof data === 'string' && pipes.length > 0 ? [data] : [],
  );
}

function pipesOfParameters(type: object, method: string): unknown[] {
  return parametersOf(type, method).flatMap(([, { pipes = [] }]) => pipes);
}

interface DecoratedParameter {
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
}

/** By `kind:index`. */
function parametersOf(type: object, method: string): [string, DecoratedParameter][] {
  return Object.entries(
    (Reflect.getMetadata(ROUTE_ARGUMENTS, type, method) ?? {}) as Record<string, DecoratedParameter>,
  );
}

function listOf(key: string, target: object): unknown[] {
  return (Reflect.getMetadata(key, target) as unknown[] | undefined) ?? [];
}

export interface GlobalEnhancers {
  readonly guards: number;
  readonly interceptors: number;
  readonly pipes: number;
  readonly filters: number;
  readonly preRequestHooks: number;
}

/** How many an app has of each kind, from `APP_*`, `useGlobal*` and `registerPreRequestHook`. */
export function globalEnhancers(config: AppConfig): GlobalEnhancers {
  return {
    guards: config.getGlobalGuards().length + config.getGlobalRequestGuards().length,
    interceptors: config.getGlobalInterceptors().length + config.getGlobalRequestInterceptors().length,
    pipes: config.getGlobalPipes().length + config.getGlobalRequestPipes().length,
    filters: config.getGlobalFilters().length + config.getGlobalRequestFilters().length,
    preRequestHooks: preRequestHooksOf(config).length,
  };
}

export function isAnyGlobal(enhancers: GlobalEnhancers): boolean {
  return Object.values(enhancers).some((count) => count > 0);
}
