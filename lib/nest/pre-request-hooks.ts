import { AsyncResource } from 'node:async_hooks';
import type { ExecutionContext } from '@nestjs/common';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { executionContextOf, type Target } from './execution-context.js';
import type { NestCall } from './handler-code.js';
import type { AppConfig } from './nest-internals.js';

export type PreRequestHook = (context: ExecutionContext, next: () => Observable<unknown>) => Observable<unknown>;

/** What `registerPreRequestHook` added: of Nest 12, whose own RPC context runs them; Nest 11 has none. */
export function preRequestHooksOf(config: AppConfig | undefined): readonly PreRequestHook[] {
  const { getGlobalPreRequestHooks } = (config ?? {}) as { getGlobalPreRequestHooks?: () => readonly PreRequestHook[] };
  return getGlobalPreRequestHooks?.call(config) ?? [];
}

/** The call with the hooks around it, before guards and all else: they may set up an `AsyncLocalStorage` for the rest. */
export function withHooks(call: NestCall, hooks: readonly PreRequestHook[], target: Target): NestCall {
  if (hooks.length === 0) return call;
  return (payload, context) => {
    const execution = executionContextOf([payload, context], target);
    const from = (index: number): Observable<unknown> =>
      hooks[index]?.(execution, () => from(index + 1)) ?? defer(() => call(payload, context));
    // A store that a hook enters is this message's alone: without a scope it would be that of all that the caller starts later.
    const scope = new AsyncResource('nestjs-messaging');
    return scope.runInAsyncScope(() => lastValueFrom(from(0), { defaultValue: undefined }));
  };
}
