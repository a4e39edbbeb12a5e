import type { RequestContext } from '@nestjs/microservices';
import type { BatchContext } from '../pipeline/batch-context.js';
import type { MessageContext } from '../pipeline/message-context.js';

/** What `@Inject(REQUEST)` gives: in the shape of every Nest microservice's request. */
export class MessageRequest implements Omit<RequestContext, 'context' | 'getContext'> {
  readonly pattern: string;

  constructor(
    readonly data: unknown,
    readonly context: MessageContext | BatchContext,
  ) {
    this.pattern = context.topic;
  }

  getData<Message>(): Message {
    return this.data as Message;
  }

  getPattern(): string {
    return this.pattern;
  }

  getContext<Context>(): Context {
    return this.context as Context;
  }
}
