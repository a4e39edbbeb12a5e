import type { DiscoveryService } from '@nestjs/core';

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
