import { Module, type DynamicModule } from '@nestjs/common';
import { MessagingCoreModule, type MessagingAsyncOptions } from './messaging-core.module.js';
import { MessagingRuntimeModule } from './messaging-runtime.module.js';
import type { MessagingOptions } from './options/messaging.options.js';
import { TopicFeature } from './topic/topic-feature.js';
import type { TopicClass } from './topic/topic.js';

/**
 * Event-driven messaging for a Nest app. Import it once, in the root module; its producers can be injected everywhere.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [MessagingModule.forRoot({ groupId: 'orders', kafka: { bootstrapServers: 'localhost:9092' } })],
 *   providers: [OrderService, TaskWorker],
 * })
 * export class AppModule {}
 * ```
 */
@Module({})
export class MessagingModule {
  /**
   * Options, over the environment, over the defaults. What is wrong with them is told at start, all together, before any connection.
   */
  static forRoot(options: MessagingOptions = {}): DynamicModule {
    const producers = Object.keys(options.connections ?? {});
    return rootModule(MessagingCoreModule.forRoot({ ...options, producers }));
  }

  /**
   * The same with options from a factory, a class or an existing provider.
   *
   * @example
   * ```ts
   * MessagingModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ groupId: config.getOrThrow('GROUP') }),
   *   producers: ['eu'], // connections beside kafka, redis and memory that @InjectProducer names
   * })
   * ```
   */
  static forRootAsync(options: MessagingAsyncOptions): DynamicModule {
    return rootModule(MessagingCoreModule.forRootAsync(options));
  }

  /** Declares topics, so that they are created at start and their names are checked. */
  static forFeature(topics: readonly TopicClass[]): DynamicModule {
    const feature = { provide: Symbol('topics'), useValue: new TopicFeature(topics) };
    return { module: MessagingModule, providers: [feature] };
  }
}

function rootModule(core: DynamicModule): DynamicModule {
  return { module: MessagingModule, imports: [core, MessagingRuntimeModule] };
}
