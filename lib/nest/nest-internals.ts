import { ExternalContextCreator, ModuleRef, type ModulesContainer } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { MessagingError } from '../core/errors.js';
import { isHandlerOutcome } from '../pipeline/handler-outcome.js';
import type { Fill } from './handler-arguments.js';
import type { Guards } from './handler-code.js';

/*
 * The one place that leans on what Nest does not promise: `Module.distance`, `ModuleRef.container` and the context creator's
 * `filtersContextCreator` and `interceptorsContextCreator`. The suites run on the oldest and the newest Nest that we support.
 */

export type NestContainer = Parameters<typeof ExternalContextCreator.fromContainer>[0];
export type AppConfig = NonNullable<NestContainer['applicationConfig']>;

/**
 * Nest runs `onModuleInit` from the farthest module to the nearest and `onModuleDestroy` alike, global modules first and last. A module
 * at distance -1 initialises after all others and is destroyed before all others: so handlers drain while databases are still open.
 * `distance` serves no other purpose (`getModulesToTriggerHooksOn`). If it ever vanishes, Nest's own order applies.
 */
export function startLastAndStopFirst(modules: ModulesContainer, type: unknown): void {
  for (const module of modules.values()) if (module.metatype === type) module.distance = -1;
}

/** How often a module class was imported with differing options. */
export function countModules(modules: ModulesContainer, type: unknown): number {
  return [...modules.values()].filter((module) => module.metatype === type).length;
}

/** The container behind an app; with a config given, as if that were the app's. */
export function containerOf(moduleRef: ModuleRef, config?: AppConfig): NestContainer {
  const { container } = moduleRef as unknown as { readonly container?: NestContainer };
  if (!container) throw new UnsupportedNestError('ModuleRef.container');
  if (!config) return container;
  return Object.create(container, { applicationConfig: { value: config } }) as NestContainer;
}

/** The parts of a method's call, as Nest comes to them while it makes one. */
export interface CallParts {
  guards?: Guards | null;
  interceptors?: readonly unknown[];
  fill?: Fill;
  filters?: ErrorHandler;
}

/**
 * A context creator of our own. Nest's would take what a filter returns as the handler's result, and logs each error that no filter
 * takes, once an attempt; here only an outcome counts, and the pipeline tells errors.
 */
export function createContextCreator(container: NestContainer, parts: CallParts): ExternalContextCreator {
  const creator = ExternalContextCreator.fromContainer(container);
  const filters = partOf<ErrorHandler>(creator, 'filtersContextCreator');
  const create = filters.create.bind(filters);
  filters.create = (...args) => (parts.filters = onlyOutcomes(create(...args)));
  const interceptors = partOf<unknown[]>(creator, 'interceptorsContextCreator');
  const intercept = interceptors.create.bind(interceptors);
  interceptors.create = (...args) => (parts.interceptors = intercept(...args));
  return creator;
}

interface PartCreator<Part> {
  create(...args: readonly unknown[]): Part;
}

function partOf<Part>(creator: ExternalContextCreator, name: string): PartCreator<Part> {
  const part = (creator as unknown as Readonly<Record<string, PartCreator<Part> | undefined>>)[name];
  if (!part) throw new UnsupportedNestError(`ExternalContextCreator.${name}`);
  return part;
}

export interface ErrorHandler {
  next(thrown: unknown, host: unknown): unknown;
  /** What the filter that fits returned; nothing without one. */
  invokeCustomFilters?(thrown: unknown, host: unknown): unknown;
}

/** A filter that throws replaces the error: that is how filters translate. An observable that fails does not. */
function onlyOutcomes(handler: ErrorHandler): ErrorHandler {
  return {
    async next(thrown, host) {
      const returned: unknown = await handler.invokeCustomFilters?.(thrown, host);
      const value = isObservable(returned) ? await lastValueFrom(returned).catch(() => undefined) : returned;
      if (isHandlerOutcome(value)) return value;
      throw thrown; // oxlint-disable-line typescript/only-throw-error -- as the handler threw it
    },
  };
}

export class UnsupportedNestError extends MessagingError {
  constructor(part: string) {
    super(
      `This version of Nest has no \`${part}\`, which handlers with guards, pipes, interceptors, filters or scopes need. Use a version that the peer dependencies of nestjs-messaging name.`,
    );
  }
}
