import {
  ConfigurableModuleBuilder,
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { DiscoveryModule, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { deadlineIn, systemClock, type Clock } from './core/clock.js';
import { ConfigurationError } from './core/errors.js';
import { Connections } from './connection/connections.js';
import { HandlerRegistry } from './discovery/handler.registry.js';
import { MessagingExplorer } from './discovery/messaging.explorer.js';
import { HandlerTargets } from './nest/handler-targets.js';
import { countModules } from './nest/nest-internals.js';
import { driverFactory, type DriverFactory } from './driver/driver.factory.js';
import { CLOCK, DRIVER_FACTORY, MESSAGING_OPTIONS } from './messaging.tokens.js';
import {
  resolveMessagingOptions,
  type MessagingOptions,
  type ResolvedMessagingOptions,
} from './options/messaging.options.js';
import { ProducerService } from './producer/producer.service.js';
import { getProducerToken } from './producer/producer.tokens.js';
import { Producers } from './producer/producers.js';
import { ConsumerService } from './stream/consumer.service.js';

const STANDARD_CONNECTIONS = ['kafka', 'redis', 'memory'] as const;

interface CoreExtras {
  /** Connections beside `kafka`, `redis` and `memory` for which `@InjectProducer(name)` is used; `forRoot` finds them by itself. */
  readonly producers?: readonly string[];
}

const builder = new ConfigurableModuleBuilder<MessagingOptions>({ moduleName: 'Messaging' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createMessagingOptions')
  .setExtras<CoreExtras>({ producers: [] }, withProviders)
  .build();

export type MessagingAsyncOptions = typeof builder.ASYNC_OPTIONS_TYPE;

const CORE_PROVIDERS: readonly Provider[] = [
  { provide: DRIVER_FACTORY, useValue: driverFactory },
  { provide: CLOCK, useValue: systemClock },
  {
    provide: MESSAGING_OPTIONS,
    inject: [builder.MODULE_OPTIONS_TOKEN],
    useFactory: (input: MessagingOptions) => resolveMessagingOptions(input),
  },
  {
    provide: Connections,
    inject: [MESSAGING_OPTIONS, DRIVER_FACTORY, CLOCK],
    useFactory: (options: ResolvedMessagingOptions, drivers: DriverFactory, clock: Clock) =>
      new Connections(options, { drivers, clock, log: new Logger('Messaging') }),
  },
  {
    provide: Producers,
    inject: [Connections, MESSAGING_OPTIONS, CLOCK],
    useFactory: (connections: Connections, options: ResolvedMessagingOptions, clock: Clock) =>
      new Producers(connections, options, { clock, log: new Logger('Producer') }),
  },
  { provide: ProducerService, inject: [Producers], useFactory: (producers: Producers) => producers.get() },
  {
    provide: HandlerTargets,
    inject: [ModuleRef, HttpAdapterHost, MESSAGING_OPTIONS],
    useFactory: (moduleRef: ModuleRef, http: HttpAdapterHost, options: ResolvedMessagingOptions) =>
      new HandlerTargets(moduleRef, http, options.globalEnhancers, new Logger('Messaging')),
  },
  MessagingExplorer,
  {
    provide: HandlerRegistry,
    inject: [MessagingExplorer, MESSAGING_OPTIONS, DRIVER_FACTORY],
    useFactory: (explorer: MessagingExplorer, options: ResolvedMessagingOptions, drivers: DriverFactory) =>
      new HandlerRegistry(explorer, options, drivers),
  },
  {
    provide: ConsumerService,
    inject: [MESSAGING_OPTIONS, Connections, HandlerRegistry, CLOCK],
    useFactory: (
      options: ResolvedMessagingOptions,
      connections: Connections,
      registry: HandlerRegistry,
      clock: Clock,
    ) => new ConsumerService({ options, connections, registry, clock, log: new Logger('ConsumerService') }),
  },
];

/**
 * Options, connections and producers. It is global, so Nest initialises it first and shuts it down last: its producers outlive every
 * handler and request.
 */
@Module({ imports: [DiscoveryModule] })
export class MessagingCoreModule
  extends builder.ConfigurableModuleClass
  implements OnModuleInit, OnApplicationShutdown
{
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(HandlerRegistry) private readonly registry: HandlerRegistry,
    @Inject(Connections) private readonly connections: Connections,
    @Inject(Producers) private readonly producers: Producers,
    @Inject(MESSAGING_OPTIONS) private readonly options: ResolvedMessagingOptions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super();
  }

  /** All faults are told here, before any module's own start can open a connection. */
  onModuleInit(): void {
    if (countModules(this.modules, MessagingCoreModule) > 1)
      throw new ConfigurationError([
        'MessagingModule.forRoot is imported twice. Import it once, in the root module; name further brokers in `connections`.',
      ]);
    void this.registry.definitions;
  }

  async onApplicationShutdown(): Promise<void> {
    const deadline = deadlineIn(this.clock, this.options.shutdownTimeoutMs);
    await this.connections.close(deadline);
    this.producers.close();
    deadline.cancel();
  }
}

function withProviders(definition: DynamicModule, { producers = [] }: CoreExtras): DynamicModule {
  const names = [...new Set([...STANDARD_CONNECTIONS, ...producers])];
  const named = names.map((name) => ({
    provide: getProducerToken(name),
    inject: [Producers],
    useFactory: (all: Producers) => all.get(name),
  }));
  return {
    ...definition,
    global: true,
    providers: [...(definition.providers ?? []), ...CORE_PROVIDERS, ...named],
    exports: [
      ProducerService,
      ConsumerService,
      Producers,
      Connections,
      HandlerRegistry,
      HandlerTargets,
      MESSAGING_OPTIONS,
      CLOCK,
      ...named.map(({ provide }) => provide),
    ],
  };
}
