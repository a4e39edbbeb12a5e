import 'reflect-metadata';
import type { ConsumerOptions, WorkerOptions } from '../options/handler.options.js';

/** A fixed text, not a symbol of this module: two loaded copies of the library must find each other's handlers. */
const HANDLER = 'nestjs-messaging:handler';

/** What a decorator leaves on a class or a method. */
export type HandlerMetadata =
  | { readonly kind: 'worker'; readonly options: WorkerOptions }
  | { readonly kind: 'consumer'; readonly options: ConsumerOptions };

/** Nest gives request-scoped `APP_*` enhancers to controllers and to providers with this mark only; without it a guard would not run. */
const ENTRY_PROVIDER = '__entryProvider__';

/** @param target the class, or the method */
export function markHandler(target: object, type: object, metadata: HandlerMetadata): void {
  Reflect.defineMetadata(HANDLER, metadata, target);
  Reflect.defineMetadata(ENTRY_PROVIDER, true, type);
}

export function handlerMetadataOf(target: object): HandlerMetadata | undefined {
  return Reflect.getOwnMetadata(HANDLER, target) as HandlerMetadata | undefined;
}
