import type { DiscoveryService } from '@nestjs/core';
import { copyMetadata } from '../core/copy-metadata.js';

export type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** The user's code, as the explorer found it. */
export interface HandlerCode {
  readonly wrapper: ProviderWrapper;
  readonly type: object & { readonly name: string };
  /** The methods that get one message and several; one method is both where a decorator is on it. */
  readonly process: string;
  readonly processBatch: string;
  /** Whether it is a `WorkerHost`, with hooks. */
  readonly isHost: boolean;
}

export type Method = (...args: unknown[]) => unknown;
/** A method as the pipeline calls it. */
export type NestCall = (payload: unknown, context: unknown) => Promise<unknown>;
/** The guards of a method. @throws what one of them throws, and when one says no. */
export type Guards = (given: unknown[]) => Promise<void>;
type Methods = Readonly<Record<string, Method>>;

/**
 * A method as the instance has it, with what decorators wrote on the class. The two differ where the `instrument.instanceDecorator` of the app
 * hands out proxies that wrap each method: guards would vanish.
 */
export function methodOf(instance: object, name: string): Method | undefined {
  const own = (instance as Methods)[name];
  const declared = (Object.getPrototypeOf(instance) as Methods)[name];
  if (own && declared && own !== declared) copyMetadata(declared, own);
  return own;
}
