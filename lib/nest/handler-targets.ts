import { ApplicationConfig, ContextIdFactory, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import type { Log } from '../core/log.js';
import type { BatchContext } from '../pipeline/batch-context.js';
import type { HandlerTarget, TargetSource } from '../pipeline/handler-target.js';
import type { MessageContext } from '../pipeline/message-context.js';
import { globalEnhancers, hasEnhancers, isAnyGlobal, type GlobalEnhancers } from './bound-enhancers.js';
import { methodOf, type HandlerCode, type Method, type ProviderWrapper } from './handler-code.js';
import { HandlerCall, type Scope } from './handler-call.js';
import { MessageRequest } from './message-request.js';
import { containerOf } from './nest-internals.js';

export interface TargetOptions {
  /** The class of the payload, whatever the compiler says of the parameter. */
  readonly schema: unknown;
  /** Whether the topic validates by that class. */
  readonly isValidated: boolean;
  readonly isBatch: boolean;
}

type MakeTarget = (instance: object, scope?: Scope) => HandlerTarget;

/** How handlers are called: directly where Nest has nothing to add, else through what it has. Chosen once, when a handler starts. */
export class HandlerTargets {
  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly http: HttpAdapterHost,
    private readonly mode: 'auto' | boolean,
    private readonly log: Log,
  ) {}

  /** Enhancers that the app has for everything, and that do not run for messages. */
  get idleGlobals(): GlobalEnhancers | undefined {
    const { applicationConfig } = containerOf(this.moduleRef);
    if (this.hasGlobals || !applicationConfig) return undefined;
    const globals = globalEnhancers(applicationConfig);
    return isAnyGlobal(globals) ? globals : undefined;
  }

  open(code: HandlerCode, options: TargetOptions): TargetSource {
    const { wrapper } = code;
    const method = options.isBatch ? code.processBatch : code.process;
    const make = this.isBound(code, method) ? this.enhanced(code, method, options) : direct(code);
    if (!wrapper.isDependencyTreeStatic()) return (context, payload) => this.perMessage(code, make, context, payload);
    if (wrapper.isTransient) return this.ownInstance(code, make);
    const target = make(wrapper.instance as object);
    return () => target;
  }

  /** App-wide enhancers are written for HTTP where there is HTTP. */
  private get hasGlobals(): boolean {
    return this.mode === 'auto' ? !this.http.httpAdapter : this.mode;
  }

  private isBound({ type, wrapper }: HandlerCode, method: string): boolean {
    const { applicationConfig } = containerOf(this.moduleRef);
    if (this.hasGlobals && applicationConfig && isAnyGlobal(globalEnhancers(applicationConfig))) return true;
    return hasEnhancers({ type, method, callback: methodOf(wrapper.instance as object, method) as object });
  }

  private enhanced(
    { type, isHost, wrapper }: HandlerCode,
    name: string,
    { schema, isValidated, isBatch }: TargetOptions,
  ): MakeTarget {
    const container = containerOf(this.moduleRef, this.hasGlobals ? undefined : new ApplicationConfig());
    const moduleKey = [...container.getModules()].find(([, module]) => module === wrapper.host)?.[0] ?? '';
    const { log } = this;
    const call = new HandlerCall(container, { name, type: type.name, schema, isValidated, log, moduleKey });
    return (instance, scope) => {
      const process = call.create(isBatch ? 'batch' : 'single', instance, scope);
      return {
        ...(isHost ? hooksOf(instance as HandlerTarget) : {}),
        ...(isBatch ? { processBatch: process, pipe: call.create('item', instance, scope) } : {}),
        process,
        isRefusal: (error) => call.isRefusal(error),
      };
    };
  }

  private async perMessage(
    { wrapper }: HandlerCode,
    make: MakeTarget,
    context: MessageContext | BatchContext,
    payload: unknown,
  ): Promise<HandlerTarget> {
    const request = new MessageRequest(payload, context);
    const contextId = ContextIdFactory.getByRequest(request as never);
    const isDurable = wrapper.isDependencyTreeDurable();
    const value: unknown = isDurable ? contextId.payload : Object.assign(request, contextId.payload);
    this.moduleRef.registerRequestByContextId(value, contextId);
    const instance = await hostOf(wrapper).resolve<object>(wrapper.token as never, contextId, { strict: true });
    return make(instance, { contextId, inquirerId: wrapper.id });
  }

  /** A transient class: each handler has an instance to itself. */
  private ownInstance({ wrapper }: HandlerCode, make: MakeTarget): TargetSource {
    const contextId = ContextIdFactory.create();
    const scope = { contextId, inquirerId: wrapper.id };
    let target: HandlerTarget | Promise<HandlerTarget> | undefined;
    const resolve = async () => {
      const instance = await hostOf(wrapper).resolve<object>(wrapper.token as never, contextId, { strict: true });
      target = make(instance, scope);
      return target;
    };
    return () => (target ??= resolve());
  }
}

function direct({ process, isHost }: HandlerCode): MakeTarget {
  return (instance) => {
    if (isHost) return instance as HandlerTarget;
    const method = methodOf(instance, process) as Method;
    const call = (payload: unknown, context: unknown) => method.call(instance, payload, context);
    return { process: call, processBatch: call };
  };
}

function hooksOf(host: HandlerTarget): Partial<HandlerTarget> {
  return {
    ...(host.onSuccess && { onSuccess: host.onSuccess.bind(host) }),
    ...(host.onError && { onError: host.onError.bind(host) }),
    ...(host.onRetry && { onRetry: host.onRetry.bind(host) }),
  };
}

function hostOf({ host }: ProviderWrapper): ModuleRef {
  return host?.getProviderByKey(ModuleRef)?.instance as ModuleRef;
}
