import { Global, Inject, Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Clock } from './core/clock.js';
import { Connections } from './connection/connections.js';
import { MessagingHealthIndicator } from './health/messaging-health.indicator.js';
import { HandlerRegistry } from './discovery/handler.registry.js';
import { HandlerTargets } from './nest/handler-targets.js';
import { startLastAndStopFirst } from './nest/nest-internals.js';
import { ProcessingHooks } from './nest/processing-hooks.js';
import { CLOCK, MESSAGING_OPTIONS } from './messaging.tokens.js';
import type { ResolvedMessagingOptions } from './options/messaging.options.js';
import { ConsumerService } from './stream/consumer.service.js';
import { MessagingRuntime } from './worker/messaging.runtime.js';
import { MessagingServer } from './worker/messaging.server.js';
import { WorkerService } from './worker/worker.service.js';

/** An app is started within so long after its modules, or somebody forgot it. */
const START_MS = 10_000;

/** The handlers' start and end: after every other module has started, before any is destroyed. */
@Global()
@Module({
  providers: [
    { provide: ProcessingHooks, useFactory: () => new ProcessingHooks(new Logger('Messaging')) },
    {
      provide: MessagingRuntime,
      inject: [MESSAGING_OPTIONS, Connections, HandlerRegistry, ConsumerService, ProcessingHooks, CLOCK],
      useFactory: (
        options: ResolvedMessagingOptions,
        connections: Connections,
        registry: HandlerRegistry,
        streams: ConsumerService,
        instrument: ProcessingHooks,
        clock: Clock,
      ) =>
        new MessagingRuntime({
          options,
          connections,
          registry,
          streams,
          instrument,
          clock,
          log: new Logger('Messaging'),
        }),
    },
    MessagingServer,
    MessagingHealthIndicator,
    {
      provide: WorkerService,
      inject: [MessagingRuntime, CLOCK, MESSAGING_OPTIONS],
      useFactory: (runtime: MessagingRuntime, clock: Clock, { shutdownTimeoutMs }: ResolvedMessagingOptions) =>
        new WorkerService(runtime, clock, shutdownTimeoutMs),
    },
  ],
  exports: [MessagingServer, WorkerService, MessagingHealthIndicator],
})
export class MessagingRuntimeModule implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Messaging');
  private stopWatching = () => {};

  constructor(
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(MessagingRuntime) private readonly runtime: MessagingRuntime,
    @Inject(MessagingServer) private readonly server: MessagingServer,
    @Inject(HandlerRegistry) private readonly registry: HandlerRegistry,
    @Inject(HandlerTargets) private readonly targets: HandlerTargets,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    startLastAndStopFirst(modules, MessagingRuntimeModule);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.runtime.isDraining) return; // it was closed while it initialised
    const { length } = this.registry.definitions.handlers;
    if (length > 0 && !this.server.isConnected)
      this.log.warn(
        `${length} handlers were found, but nothing starts them. Call app.connectMicroservice(messagingMicroservice()) and app.startAllMicroservices(), or use NestFactory.createMicroservice.`,
      );
    if (length > 0) this.tellIdleGlobals();
    if (length > 0 && this.server.isConnected) this.tellMissingHooks();
    if (length > 0 && this.server.isConnected) this.watchStart(length);
    await this.runtime.bootstrap();
  }

  onModuleDestroy(): Promise<void> {
    this.stopWatching();
    return this.runtime.drain();
  }

  /** A hybrid app may start its microservices after its modules, or never: then nothing else would tell. */
  private watchStart(count: number): void {
    this.stopWatching = this.clock.after(START_MS, () => {
      if (this.runtime.isListening) return;
      this.log.warn(
        `${count} handlers were found and a microservice is connected for them, but it was not started within ${START_MS} ms, so nothing is handled. Call app.startAllMicroservices().`,
      );
    });
  }

  /** Without a listener a signal ends the process on the spot. Nothing outlives it where all brokers are embedded. */
  private tellMissingHooks(): void {
    const isRemote = this.runtime.boundConnections.some(({ features }) => features.remote);
    if (!isRemote || process.listenerCount('SIGTERM') > 0) return;
    this.log.warn(
      'Nothing listens for SIGTERM: a deployment would end this process in the middle of its messages, which then come again. Call app.enableShutdownHooks() before app.listen().',
    );
  }

  private tellIdleGlobals(): void {
    const idle = this.targets.idleGlobals;
    if (!idle) return;
    const counts = Object.entries(idle).filter(([, count]) => count > 0);
    this.log.log(
      `App-wide enhancers do not run for messages (${counts.map(([kind, count]) => `${kind}: ${count}`).join(', ')}). Bind them to handlers, or set \`globalEnhancers: true\`.`,
    );
  }
}
