import 'reflect-metadata';
import type { ContextId, ExternalContextCreator } from '@nestjs/core';
import type { Log } from '../core/log.js';
import { methodOf, type Guards, type Method, type NestCall } from './handler-code.js';
import { createFill, paramsFactory, ROUTE_ARGUMENTS, type CallKind, type Fill } from './handler-arguments.js';
import { callInOrder } from './call-in-order.js';
import { createContextCreator, UnsupportedNestError, type CallParts, type NestContainer } from './nest-internals.js';
import { preRequestHooksOf, withHooks } from './pre-request-hooks.js';

export interface HandlerMethod {
  readonly name: string;
  /** The name of its class, for texts. */
  readonly type: string;
  /** The class of the payload, whatever the compiler says of the parameter. */
  readonly schema: unknown;
  /** Whether its topic has validated the payload by that class. */
  readonly isValidated: boolean;
  readonly log: Log;
  /** The module that provides the class. Nest looks among providers only, and runs no guard that is a class on what it does not find. */
  readonly moduleKey: string;
}

/** Where Nest finds what was made for one message only. */
export interface Scope {
  readonly contextId: ContextId;
  readonly inquirerId: string;
}

/** A method with guards, interceptors, pipes, filters and param decorators around it, as Nest calls a controller's. */
export class HandlerCall {
  private readonly refusals = new WeakSet<object>();
  private hasWarned = false;
  private readonly onRefusal = (thrown: unknown) => {
    if (typeof thrown === 'object' && thrown !== null) this.refusals.add(thrown);
  };

  constructor(
    private readonly container: NestContainer,
    private readonly method: HandlerMethod,
  ) {}

  create(kind: CallKind, instance: object, scope?: Scope): NestCall {
    const { name } = this.method;
    const method = methodOf(instance, name) as Method;
    const callback = kind === 'item' ? passingOn(method) : method;
    const options = { guards: kind !== 'item', interceptors: kind !== 'item', filters: true };
    const parts: CallParts = {};
    const { contextId, inquirerId } = scope ?? {};
    const whole: NestCall = this.creatorOf(kind, instance, parts).create(
      instance as never,
      callback,
      name,
      ROUTE_ARGUMENTS,
      paramsFactory,
      contextId,
      inquirerId,
      options,
      'rpc',
    );
    const call = parts.interceptors?.length ? whole : this.inOrder(parts, instance, callback);
    if (kind === 'item') return call;
    return withHooks(call, preRequestHooksOf(this.container.applicationConfig), {
      type: instance.constructor,
      callback,
    });
  }

  /** Whether this error comes from a guard or a pipe, which saw the message before the handler could. */
  isRefusal(error: Error): boolean {
    return this.refusals.has(error);
  }

  /** Where an instance is made for each message this would be told for each. */
  private warn(): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    const { name, type, log } = this.method;
    log.warn(
      `${type}.${name} has a ValidationPipe, but the type of its message is not known at run time, so nothing is validated. Set \`schema\` on the handler, or import the class as a value.`,
    );
  }

  private inOrder({ guards, fill, filters }: CallParts, instance: object, callback: Method): NestCall {
    if (!fill || !filters) throw new UnsupportedNestError('ExternalContextCreator.createPipesFn');
    return callInOrder({ guards, fill, filters, instance, callback, onRefusal: this.onRefusal });
  }

  private creatorOf(kind: CallKind, instance: object, parts: CallParts): ExternalContextCreator {
    const { name, schema, isValidated, moduleKey } = this.method;
    const types = Reflect.getMetadata('design:paramtypes', instance, name) as unknown[] | undefined;
    const rules = { kind, types, schema, isValidated, onUntyped: () => this.warn() };
    const creator = createContextCreator(this.container, parts);
    creator.getContextModuleKey = () => moduleKey;
    const guards = creator.createGuardsFn.bind(creator);
    creator.createPipesFn = (...args) => {
      const fill = (parts.fill = createFill(rules, ...args));
      return this.reporting(async (...given: Parameters<Fill>) => fill(...given));
    };
    creator.createGuardsFn = (...args) => {
      parts.guards = guards(...args) as Guards | null;
      return parts.guards && this.reporting(parts.guards);
    };
    return creator;
  }

  private reporting<Given extends unknown[]>(step: (...given: Given) => Promise<unknown>) {
    return async (...given: Given): Promise<void> => {
      try {
        await step(...given);
      } catch (thrown) {
        this.onRefusal(thrown);
        throw thrown;
      }
    };
  }
}

/** Returns its argument, with the pipes and filters of a method around it. */
function passingOn(method: Method): Method {
  const pass: Method = (payload) => payload;
  for (const key of ['__pipes__', '__exceptionFilters__']) {
    const bound: unknown = Reflect.getMetadata(key, method);
    if (bound !== undefined) Reflect.defineMetadata(key, bound, pass);
  }
  return pass;
}
