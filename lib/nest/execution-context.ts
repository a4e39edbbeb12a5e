import type { ExecutionContext, Type } from '@nestjs/common';

/** The class and its method that a message is for. */
export interface Target {
  readonly type: unknown;
  readonly callback: (...args: unknown[]) => unknown;
}

/** Answers as Nest's own does, which is not exported: whatever is asked for, it finds the arguments by their places. */
export function executionContextOf(args: readonly unknown[], { type, callback }: Target): ExecutionContext {
  const at = (index: number) => () => args[index] as never;
  const context = {
    getClass: () => type as Type,
    getHandler: () => callback,
    getArgs: () => args as never,
    getArgByIndex: (index: number) => args[index] as never,
    getType: () => 'rpc' as never,
    setType: () => {},
    switchToRpc: () => ({ getData: at(0), getContext: at(1) }),
    switchToHttp: () => ({ getRequest: at(0), getResponse: at(1), getNext: at(2) }),
    switchToWs: () => ({ getClient: at(0), getData: at(1), getPattern: at(args.length - 1) }),
  };
  return context;
}
