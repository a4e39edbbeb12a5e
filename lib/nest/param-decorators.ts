import { createParamDecorator, type ArgumentsHost, type PipeTransform, type Type } from '@nestjs/common';
import { BatchContext } from '../pipeline/batch-context.js';
import { MessageContext } from '../pipeline/message-context.js';

type ParamPipe = Type<PipeTransform> | PipeTransform;

/**
 * The key of the message as UTF-8, or undefined without one; in a batch handler, an array of them.
 *
 * @example
 * ```ts
 * @Consumer({ topic: 'orders' })
 * async onOrder(order: Order, @Key() customer: string | undefined) { … }
 * ```
 */
export const Key: (...pipes: readonly ParamPipe[]) => ParameterDecorator = createParamDecorator(
  (_data: undefined, host: ArgumentsHost) => each(host, ({ key }) => key),
);

/**
 * The headers of the message, or the first value of one as UTF-8; in a batch handler, an array of either.
 *
 * @example
 * ```ts
 * @Consumer({ topic: 'orders' })
 * async onOrder(order: Order, @Headers('source') source: string | undefined, @Headers() headers: MessageHeaders) { … }
 * ```
 */
export const Headers: (name?: string, ...pipes: readonly ParamPipe[]) => ParameterDecorator = createParamDecorator(
  (name: string | undefined, host: ArgumentsHost) =>
    each(host, ({ headers }) => (name === undefined ? headers : headers.get(name))),
);

/**
 * Whether a guard, interceptor or filter that serves several transports was called for a message of this library.
 *
 * @example
 * ```ts
 * canActivate(context: ExecutionContext) {
 *   return isMessagingContext(context) || this.checkToken(context.switchToHttp().getRequest());
 * }
 * ```
 */
export function isMessagingContext(host: ArgumentsHost): boolean {
  if (host.getType() !== 'rpc') return false;
  const context: unknown = host.switchToRpc().getContext();
  return context instanceof MessageContext || context instanceof BatchContext;
}

function each<T>(host: ArgumentsHost, read: (context: MessageContext) => T): T | T[] {
  const context = host.switchToRpc().getContext<MessageContext | BatchContext>();
  return context instanceof BatchContext ? context.messages.map(read) : read(context);
}
