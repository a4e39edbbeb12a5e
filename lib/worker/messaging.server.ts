import { Inject, Injectable } from '@nestjs/common';
import { Server, type AsyncMicroserviceOptions, type CustomTransportStrategy } from '@nestjs/microservices';
import { Connections } from '../connection/connections.js';
import { ProcessingHooks, TRANSPORT_ID, type EndHook, type StartHook } from '../nest/processing-hooks.js';
import { MessagingRuntime } from './messaging.runtime.js';

/**
 * The transport strategy that Nest starts and stops. `@EventPattern` handlers are none of its business: its transport id is its own.
 */
@Injectable()
export class MessagingServer extends Server implements CustomTransportStrategy {
  override readonly transportId = TRANSPORT_ID;
  /** Whether an app was given this strategy; else nothing would ever start the handlers. */
  isConnected = false;

  /** @internal */
  constructor(
    @Inject(MessagingRuntime) private readonly runtime: MessagingRuntime,
    @Inject(ProcessingHooks) private readonly hooks: ProcessingHooks,
    @Inject(Connections) connections: Connections,
  ) {
    super();
    connections.onChange = () => this.tellStatus();
  }

  listen(callback: (error?: unknown) => void): void {
    void this.start(callback);
  }

  async close(): Promise<void> {
    await this.runtime.drain();
    this._status$.next('stopped');
  }

  /** @throws Error always: the library's events are on `node:diagnostics_channel`. */
  on(event: string): never {
    throw new Error(
      `There is no event \`${event}\` to listen to here. Subscribe to the \`messaging:*\` channels of node:diagnostics_channel.`,
    );
  }

  /** For instruments, which find this server in `ModulesContainer.getRpcTargetRegistry()`: around each message, or batch. */
  override setOnProcessingStartHook(hook: StartHook): void {
    this.hooks.start = hook;
  }

  override setOnProcessingEndHook(hook: EndHook): void {
    this.hooks.end = hook;
  }

  /** The runtime that has the handlers. */
  unwrap<T>(): T {
    return this.runtime as T;
  }

  private async start(callback: (error?: unknown) => void): Promise<void> {
    try {
      await this.runtime.listen();
    } catch (error) {
      return callback(error);
    }
    this.tellStatus();
    callback();
  }

  /** For `app.status`: `connected`, `disconnected` while a broker that handlers need does not answer, and in the end `stopped`. */
  private tellStatus(): void {
    if (!this.runtime.isListening || this.runtime.isDraining) return;
    const needed = this.runtime.boundConnections.filter(({ isEnabled }) => isEnabled);
    this._status$.next(needed.every(({ status }) => status.state === 'up') ? 'connected' : 'disconnected');
  }
}

/**
 * What makes an app run the handlers of its `MessagingModule`: for `NestFactory.createMicroservice` and for
 * `app.connectMicroservice` alike.
 *
 * @example
 * ```ts
 * const app = await NestFactory.createMicroservice(AppModule, messagingMicroservice());
 * app.enableShutdownHooks();
 * await app.listen();
 * ```
 */
export function messagingMicroservice(): AsyncMicroserviceOptions {
  return {
    inject: [MessagingServer],
    useFactory: (server: MessagingServer) => {
      server.isConnected = true;
      return { strategy: server };
    },
  };
}
