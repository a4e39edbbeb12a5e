import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { enhancersWithoutInstance, pipedParts } from '../nest/bound-enhancers.js';
import { methodOf, type HandlerCode, type Method, type ProviderWrapper as Wrapper } from '../nest/handler-code.js';
import { HandlerTargets } from '../nest/handler-targets.js';
import type { HandlerTarget } from '../pipeline/handler-target.js';
import { TopicFeature } from '../topic/topic-feature.js';
import type { TopicClass } from '../topic/topic.js';
import { WorkerHost } from '../worker/worker.host.js';
import type { FoundHandler } from './define-handler.js';
import { handlerMetadataOf } from './handler-metadata.js';
import { producerMetadataOf } from '../producer/producer-metadata.js';
import type { FoundProducer } from './topic-faults.js';

type ClassRef = object & { readonly name: string; readonly prototype: unknown };

interface FoundMethod {
  readonly type: ClassRef;
  readonly name: string;
  readonly method: Method;
}

/** What decorators and `forFeature` left in the app. */
export interface Findings {
  readonly handlers: readonly FoundHandler[];
  readonly producers: readonly FoundProducer[];
  readonly topics: readonly TopicClass[];
  readonly faults: readonly string[];
}

/** Looks through all providers and controllers of the app. */
@Injectable()
export class MessagingExplorer {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
    @Inject(HandlerTargets) private readonly targets: HandlerTargets,
  ) {}

  explore(): Findings {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()].filter(
      (wrapper) => !wrapper.isAlias,
    );
    const faults: string[] = [];
    const handlers = wrappers.flatMap((wrapper) => [
      ...this.classHandler(wrapper, faults),
      ...this.methodHandlers(wrapper, faults),
    ]);
    const features = wrappers.flatMap((wrapper) =>
      wrapper.instance instanceof TopicFeature ? [wrapper.instance] : [],
    );
    const producers = wrappers.flatMap((wrapper) => this.producers(wrapper));
    return { handlers, producers, topics: features.flatMap((feature) => feature.topics), faults };
  }

  private classHandler(wrapper: Wrapper, faults: string[]): FoundHandler[] {
    const type = classOf(wrapper);
    const metadata = type && handlerMetadataOf(type);
    if (!type || !metadata) return [];
    const host = wrapper.instance as unknown;
    if (!(host instanceof WorkerHost)) {
      faults.push(
        `Class \`${type.name}\` has @Worker but does not extend \`WorkerHost\`. Extend it, or put @Worker on the method that handles messages.`,
      );
      return [];
    }
    const hasBatch = typeof (host as HandlerTarget).processBatch === 'function';
    const code = { wrapper, type, process: 'process', processBatch: 'processBatch', isHost: true };
    return [this.found({ metadata, defaultName: type.name, hasBatch }, code, faults)];
  }

  private methodHandlers(wrapper: Wrapper, faults: string[]): FoundHandler[] {
    return this.methodsOf(wrapper).flatMap(({ type, name, method }) => {
      const metadata = handlerMetadataOf(method);
      if (!metadata) return [];
      const code = { wrapper, type, process: name, processBatch: name, isHost: false };
      return [this.found({ metadata, defaultName: `${type.name}.${name}`, hasBatch: true }, code, faults)];
    });
  }

  private producers(wrapper: Wrapper): FoundProducer[] {
    return this.methodsOf(wrapper).flatMap(({ type, name, method }) => {
      const metadata = producerMetadataOf(method);
      return metadata ? [{ ...metadata, place: `${type.name}.${name} in ${moduleOf(wrapper)}` }] : [];
    });
  }

  private methodsOf(wrapper: Wrapper): FoundMethod[] {
    const type = classOf(wrapper);
    if (!type?.prototype || !isObject(wrapper.instance)) return [];
    return this.scanner.getAllMethodNames(type.prototype as object).flatMap((name) => {
      const method = methodOf(wrapper.instance as object, name);
      return method ? [{ type, name, method }] : [];
    });
  }

  private found(
    facts: Pick<FoundHandler, 'metadata' | 'defaultName' | 'hasBatch'>,
    code: HandlerCode,
    faults: string[],
  ): FoundHandler {
    const place = `${facts.defaultName} in ${moduleOf(code.wrapper)}`;
    faults.push(...enhancersWithoutInstance(code).map((name) => withoutInstance(name, place)));
    return { ...facts, place, pipedParts: pipedParts(code), openTarget: (options) => this.targets.open(code, options) };
  }
}

/** The class behind a provider; of a factory's or a value's product, the class of the product. */
function classOf({ metatype, inject, instance }: Wrapper): ClassRef | undefined {
  if (typeof metatype === 'function' && !inject) return metatype;
  return isObject(instance) ? (instance.constructor as ClassRef) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function moduleOf(wrapper: Wrapper): string {
  return wrapper.host?.name ?? 'an unknown module';
}

function withoutInstance(name: string, place: string): string {
  return `\`${name}\` is bound to ${place}, but Nest makes no instance of it, so it would not run: the handler is not provided by its class. Provide it as a class, or bind an instance (\`new ${name}()\`).`;
}
