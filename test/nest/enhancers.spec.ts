import {
  type ArgumentMetadata,
  type CallHandler,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  ParseIntPipe,
  type PipeTransform,
  ServiceUnavailableException,
  SetMetadata,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE, Reflector } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import { IsInt, IsString } from 'class-validator';
import { map } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type BatchContext,
  Consumer,
  EventTopic,
  Headers,
  isMessagingContext,
  Key,
  MessageContext,
  type MessageHeaders,
  Producer,
  RetryAfterError,
  Worker,
  WorkerHost,
} from '../../lib/index.js';
import { createTestMessaging, type TestMessaging } from '../../lib/testing/index.js';
import { type AppSpec, passingInterceptor, testModule } from '../support/test-app.js';

class Order {
  @IsInt()
  readonly id!: number;

  @IsString()
  readonly customer!: string;
}

const steps: string[] = [];

@Injectable()
class Step implements CanActivate, NestInterceptor, PipeTransform {
  constructor(private readonly name: string) {}

  canActivate(context: ExecutionContext) {
    steps.push(`${this.name} guard of ${context.getClass().name}.${context.getHandler().name}, ${context.getType()}`);
    return true;
  }

  intercept(_context: ExecutionContext, next: CallHandler) {
    steps.push(`${this.name} before`);
    return next.handle().pipe(map((value: unknown) => (steps.push(`${this.name} after`), value)));
  }

  transform(value: unknown, { type }: ArgumentMetadata) {
    steps.push(`${this.name} pipe of ${type}`);
    return value;
  }
}

/** The same, whether Nest makes the whole call or, without interceptors, we take its steps. */
describe.each([
  ['guards, pipes, interceptors and param decorators', []],
  ['guards, pipes and param decorators beside an interceptor', [passingInterceptor]],
])('%s', (_, more) => {
  let messaging: TestMessaging;
  const start = async ({ providers = [], ...spec }: AppSpec) => {
    messaging = await createTestMessaging(testModule({ ...spec, providers: [...providers, ...more] }));
  };
  const reasons = (topic: string) => messaging.sent(topic).map(({ headers }) => headers.get('x-error-class'));

  afterEach(async () => {
    steps.length = 0;
    await messaging.close();
  });

  it('run in the order of Nest, bound to the app, the class, the method and the parameter', async () => {
    const [app, type, method, parameter] = ['app', 'class', 'method', 'parameter'].map((name) => new Step(name)) as [
      Step,
      Step,
      Step,
      Step,
    ];
    @Injectable()
    @UseGuards(type)
    @UseInterceptors(type)
    @UsePipes(type)
    class Orders {
      @UseGuards(method)
      @UseInterceptors(method)
      @UsePipes(method)
      @Consumer({ topic: 'orders' })
      async onOrder(@Payload(parameter) order: unknown, @Ctx() context: MessageContext) {
        steps.push(`handler ${JSON.stringify(order)} of ${context.topic}`);
      }
    }
    const globals = [APP_GUARD, APP_INTERCEPTOR, APP_PIPE].map((provide) => ({ provide, useValue: app }));
    await start({ providers: [Orders, ...globals] });
    await messaging.deliver('orders', { id: 1 });
    await messaging.advance(1_000);
    expect(steps).toEqual([
      'app guard of Orders.onOrder, rpc',
      'class guard of Orders.onOrder, rpc',
      'method guard of Orders.onOrder, rpc',
      'app before',
      'class before',
      'method before',
      'app pipe of body',
      'class pipe of body',
      'method pipe of body',
      'parameter pipe of body',
      'handler {"id":1} of orders',
      'method after',
      'class after',
      'app after',
    ]);
  });

  it('may give the handler other arguments, from a guard', async () => {
    const decoding: CanActivate = {
      canActivate: (context) => {
        const args = context.getArgs<[unknown, unknown]>();
        args[0] = { decoded: args[0] };
        return true;
      },
    };
    @Injectable()
    @UseGuards(decoding)
    class Secret {
      @Consumer({ topic: 'secrets' })
      async onSecret(secret: unknown, context: MessageContext) {
        steps.push(`${JSON.stringify(secret)} of ${context.topic}`);
      }
    }
    await start({ providers: [Secret] });
    await messaging.deliver('secrets', 'x');
    await messaging.advance(1_000);
    expect(steps).toEqual(['{"decoded":"x"} of secrets']);
  });

  it('tell each pipe of an argument the same, whatever another does with it', async () => {
    const told: unknown[] = [];
    const spoiling: PipeTransform = {
      transform: (value: unknown, about) => {
        told.push(about.metatype);
        Object.assign(about, { metatype: Step });
        return value;
      },
    };
    @Injectable()
    @UsePipes(spoiling, spoiling)
    class Spoilt {
      @Consumer({ topic: 'a' })
      async onA(_order: Order) {}
    }
    await start({ providers: [Spoilt] });
    for (const message of [1, 2]) await messaging.deliver('a', message, { partition: 0 });
    await messaging.advance(1_000);
    expect(told).toEqual([Order, Order, Order, Order]);
  });

  it('of a class with @Worker run around process, with what decorators of the class and of the method say', async () => {
    const Role = (role: string) => SetMetadata('role', role);
    @Injectable()
    class RoleGuard implements CanActivate {
      constructor(private readonly reflector: Reflector) {}
      canActivate(context: ExecutionContext) {
        const roles = this.reflector.getAllAndMerge<string[]>('role', [context.getHandler(), context.getClass()]);
        steps.push(`roles ${roles.join(' ')}`);
        return isMessagingContext(context);
      }
    }
    @Role('billing')
    @UseGuards(RoleGuard)
    @UseInterceptors(new Step('class'))
    @Worker({ topic: 'jobs', outputTopic: 'results' })
    class Jobs extends WorkerHost<number, number> {
      @Role('own')
      override async process(n: number) {
        return n + 1;
      }
      override onSuccess(n: number, result: number) {
        steps.push(`success ${n} ${result} ${this.constructor.name}`);
      }
    }
    await start({ providers: [Jobs] });
    await messaging.deliver('jobs', 1);
    await messaging.advance(1_000);
    expect(steps).toEqual(['roles own billing', 'class before', 'class after', 'success 1 2 Jobs']);
    expect(messaging.sent('results')).toMatchObject([{ message: 2 }]);
  });

  it('apply from a base class, and a guard below @Producer still guards', async () => {
    @UseGuards(new Step('base'))
    class Base {
      @Consumer({ topic: 'a' })
      @Producer({ topic: 'b' })
      @UseGuards({ canActivate: () => false })
      async onA() {
        return { never: true };
      }
    }
    @Injectable()
    class Derived extends Base {}
    await start({ providers: [Derived] });
    await messaging.deliver('a', 1);
    await messaging.advance(1_000);
    expect(steps).toHaveLength(1);
    expect(reasons('a-dlq')).toEqual(['ForbiddenException']);
    expect(messaging.sent('b')).toEqual([]);
  });

  it('can be replaced in tests by overrideGuard', async () => {
    @Injectable()
    class Denying implements CanActivate {
      canActivate() {
        return false;
      }
    }
    @Injectable()
    class Guarded {
      @UseGuards(Denying)
      @Consumer({ topic: 'a' })
      async onA() {
        steps.push('handled');
      }
    }
    const builder = testModule({ providers: [Guarded] })
      .overrideGuard(Denying)
      .useValue({ canActivate: () => steps.push('replaced') > 0 });
    messaging = await createTestMessaging(builder);
    await messaging.deliver('a', 1);
    await messaging.advance(1_000);
    expect(steps).toEqual(['replaced', 'handled']);
  });

  it('that turn a message down send it to the dead letters at once, unless their error says that it may pass', async () => {
    const calls: Record<string, number> = {};
    const errors: Readonly<Record<string, () => Error>> = {
      plain: () => new Error('no'),
      busy: () => new ServiceUnavailableException(),
      later: () => new RetryAfterError(0),
    };
    class Refusing implements CanActivate, PipeTransform {
      canActivate(context: ExecutionContext) {
        const message = context.switchToRpc().getData<string>();
        calls[message] = (calls[message] ?? 0) + 1;
        if (message.startsWith('guard')) throw errors[message.slice(6)]!();
        return true;
      }
      transform(message: string) {
        throw errors[message.slice(5)]!();
      }
    }
    @UseGuards(Refusing)
    @UsePipes(new Refusing())
    @Worker({ topic: 'a', maxRetries: 1, retryBackoff: 'fixed', initialDelayMs: 0 })
    class Never extends WorkerHost {
      override async process() {
        steps.push('never');
      }
    }
    await start({ providers: [Never] });
    const messages = Object.keys(errors).flatMap((name) => [`guard-${name}`, `pipe-${name}`]);
    for (const message of messages) await messaging.deliver('a', message);
    await messaging.advance(1_000);
    expect(steps).toEqual([]);
    expect(calls).toEqual({
      'guard-plain': 1,
      'pipe-plain': 1,
      'guard-busy': 2,
      'pipe-busy': 2,
      'guard-later': 2,
      'pipe-later': 2,
    });
  });

  it('give key, headers, parts of the payload, and what own decorators make', async () => {
    const seen: unknown[] = [];
    const Topic = createParamDecorator((_data: unknown, context: ExecutionContext) => {
      return context.switchToRpc().getContext<MessageContext>().topic;
    });
    @Injectable()
    class Parts {
      @Consumer({ topic: 'a' })
      async onA(
        order: Order,
        @Key() key: string,
        @Headers('source') source: string,
        @Headers() headers: MessageHeaders,
        @Payload('id', ParseIntPipe) id: number,
        @Topic() topic: string,
      ) {
        seen.push([order, key, source, headers.get('source'), id, topic]);
      }

      @Consumer({ topic: 'b' })
      async onB(@Ctx() context: MessageContext, @Payload() message: unknown) {
        seen.push([context.topic, message]);
      }

      @Consumer({ topic: 'c' })
      async onC(@Key() key: string, context: MessageContext) {
        seen.push([key, context.topic]);
      }
    }
    await start({ providers: [Parts] });
    await messaging.deliver('a', { id: '7' }, { key: 'k', headers: { source: 'web' } });
    await messaging.advance(1_000);
    await messaging.deliver('b', 1);
    await messaging.advance(1_000);
    await messaging.deliver('c', 1, { key: 'own' });
    await messaging.advance(1_000);
    expect(seen).toEqual([
      [{ id: '7' }, 'k', 'web', 'web', 7, 'a'],
      ['b', 1],
      ['own', 'c'],
    ]);
  });

  describe('ValidationPipe', () => {
    const seen: unknown[] = [];
    const pipe = { provide: APP_PIPE, useValue: new ValidationPipe({ transform: true, whitelist: true }) };
    const good = { id: 1, customer: 'c', extra: true };
    const bad = { id: 'one' };
    const see = (order: unknown) =>
      seen.push(order instanceof Order ? Object.assign({}, order) : ['not an order', order]);
    const deliverBoth = async (topic: string) => {
      await messaging.deliver(topic, bad, { key: 'k' });
      await messaging.deliver(topic, good, { key: 'k' });
      await messaging.advance(1_000);
    };

    afterEach(() => {
      seen.length = 0;
    });

    it('validates the declared type of a parameter, with and without @Payload, and not the context', async () => {
      const contexts: unknown[] = [];
      @Injectable()
      class Declared {
        @Consumer({ topic: 'a' })
        async onA(order: Order, context: MessageContext) {
          see(order);
          contexts.push(context instanceof MessageContext);
        }
        @Consumer({ topic: 'b' })
        async onB(@Ctx() _context: MessageContext, @Payload() order: Order) {
          see(order);
        }
      }
      const strict = new ValidationPipe({ transform: true, whitelist: true, validateCustomDecorators: true });
      await start({ providers: [Declared, { provide: APP_PIPE, useValue: strict }] });
      await deliverBoth('a');
      await deliverBoth('b');
      expect(seen).toEqual([
        { id: 1, customer: 'c' },
        { id: 1, customer: 'c' },
      ]);
      expect(contexts).toEqual([true]);
      expect([...reasons('a-dlq'), ...reasons('b-dlq')]).toEqual(['BadRequestException', 'BadRequestException']);
    });

    it('validates what `schema` says where the compiler knows nothing: a class worker, an interface', async () => {
      @Worker({ topic: 'a', schema: Order })
      class Host extends WorkerHost<Order> {
        override async process(order: Order) {
          see(order);
        }
      }
      @Injectable()
      class ByInterface {
        @Consumer({ topic: 'b', schema: Order })
        async onB(order: Pick<Order, 'id'>) {
          see(order);
        }
      }
      await start({ providers: [Host, ByInterface, pipe] });
      await deliverBoth('a');
      await deliverBoth('b');
      expect(seen).toEqual([
        { id: 1, customer: 'c' },
        { id: 1, customer: 'c' },
      ]);
      expect([...reasons('a-dlq'), ...reasons('b-dlq')]).toEqual(['BadRequestException', 'BadRequestException']);
    });

    it('leave no failure unheard when of two pipes one fails at once and one later', async () => {
      const later = { transform: async () => Promise.reject(new TypeError('later')) };
      const atOnce = {
        transform: () => {
          throw new RangeError('at once');
        },
      };
      @Injectable()
      class Both {
        @Consumer({ topic: 'a', maxRetries: 0 })
        async onA(@Payload('id', atOnce) id: unknown, @Payload('customer', later) customer: unknown) {
          see([id, customer]);
        }
      }
      await start({ providers: [Both] });
      await deliverBoth('a');
      expect(seen).toEqual([]);
      expect(reasons('a-dlq')).toEqual(['RangeError', 'RangeError']);
    });

    it('does not validate a second time what the topic has validated, and does what the topic leaves to it', async () => {
      const calls: unknown[] = [];
      class Counting extends ValidationPipe {
        override async transform(value: unknown, metadata: ArgumentMetadata) {
          calls.push(metadata.metatype);
          return super.transform(value, metadata) as Promise<unknown>;
        }
      }
      const spy = { transform: (value: unknown) => (calls.push('own pipe'), value) };
      class Validated extends EventTopic {
        static readonly topicName = 'a';
        static readonly schema = Order;
      }
      class OnSendOnly extends EventTopic {
        static readonly topicName = 'b';
        static readonly schema = Order;
        static override readonly validation = 'send';
      }
      class Other {
        @IsInt()
        readonly id!: number;
      }
      class Elsewhere extends EventTopic {
        static readonly topicName = 'c';
        static readonly schema = Order;
      }
      @Injectable()
      class ByTopic {
        @Consumer({ topic: Validated })
        async onA(@Payload(new Counting()) order: Order) {
          see(order);
        }
        @Consumer({ topic: OnSendOnly })
        async onB(order: Order) {
          see(order);
        }
        @Consumer({ topic: Elsewhere, schema: Other })
        async onC(other: Other) {
          seen.push(other instanceof Other);
        }
      }
      const all = { provide: APP_PIPE, useValue: new Counting({ transform: true }) };
      await start({ providers: [ByTopic, all, { provide: APP_PIPE, useValue: spy }] });
      await deliverBoth('a');
      expect(calls.splice(0)).toEqual(['own pipe']);
      await deliverBoth('b');
      expect(calls.splice(0)).toEqual([Order, Order, 'own pipe']);
      await deliverBoth('c');
      expect(calls.splice(0)).toEqual([Other, 'own pipe']);
      expect(seen).toEqual([good, good, true]);
      expect(['a', 'b', 'c'].flatMap((topic) => reasons(`${topic}-dlq`))).toEqual([
        'ValidationError',
        'BadRequestException',
        'ValidationError',
      ]);
    });

    it('leaves alone what has no type at run time: nothing is turned into a Function or an Object', async () => {
      const metatypes: unknown[] = [];
      const spy = { transform: (value: unknown, { metatype }: ArgumentMetadata) => (metatypes.push(metatype), value) };
      @Injectable()
      class Erased {
        @Consumer({ topic: 'a' })
        async onA(message: () => void) {
          seen.push(message);
        }
        @Consumer({ topic: 'b' })
        async onB(message: { readonly id: number }) {
          seen.push(message);
        }
      }
      await start({ providers: [Erased, pipe, { provide: APP_PIPE, useValue: spy }] });
      await messaging.deliver('a', { id: 1 });
      await messaging.advance(1_000);
      await messaging.deliver('b', { id: 2 });
      await messaging.advance(1_000);
      expect(seen).toEqual([{ id: 1 }, { id: 2 }]);
      expect(metatypes).toEqual([undefined, undefined]);
    });

    it('does not see tombstones', async () => {
      @Injectable()
      class Deleting {
        @Consumer({ topic: 'a' })
        async onA(order: Order | null, @Key() key: string) {
          seen.push([order, key]);
        }
        @Consumer({ topic: 'b', schema: Order })
        async onB(@Payload(new ValidationPipe()) order: Order | null) {
          seen.push(order);
        }
      }
      await start({ providers: [Deleting, pipe] });
      await messaging.deliver('a', null, { key: 'k' });
      await messaging.advance(1_000);
      await messaging.deliver('b', null);
      await messaging.advance(1_000);
      expect(seen).toEqual([[null, 'k'], null]);
    });

    it('validates each message of a batch before the handler gets the rest', async () => {
      @Worker({ topic: 'a', schema: Order, batchSize: 3, batchTimeoutMs: 50 })
      class Batches extends WorkerHost<Order> {
        override async process() {}
        override async processBatch(orders: readonly Order[], { messages }: BatchContext) {
          seen.push([orders.every((order) => order instanceof Order), orders.length, messages.length]);
        }
      }
      @Injectable()
      class OfAMethod {
        @Consumer({ topic: 'b', schema: Order, batchSize: 2, batchTimeoutMs: 50 })
        async onB(@Key() keys: string[], @Payload() orders: Order[]) {
          seen.push([keys, orders.map(({ id }) => id)]);
        }
      }
      @Injectable()
      class OfAPart {
        @Consumer({ topic: 'c', schema: Order, batchSize: 2, batchTimeoutMs: 50 })
        async onC(@Payload('id') ids: number[]) {
          seen.push(ids);
        }
      }
      await start({ providers: [Batches, OfAMethod, OfAPart, pipe] });
      for (const order of [good, bad, good]) await messaging.deliver('a', order, { partition: 0 });
      await messaging.advance(1_000);
      for (const key of ['k', 'l']) await messaging.deliver('b', good, { partition: 0, key });
      await messaging.advance(1_000);
      for (const order of [good, bad]) await messaging.deliver('c', order, { partition: 0 });
      await messaging.advance(1_000);
      expect(seen).toEqual([
        [true, 2, 2],
        [
          ['k', 'l'],
          [1, 1],
        ],
        [1],
      ]);
      expect([...reasons('a-dlq'), ...reasons('c-dlq')]).toEqual(['BadRequestException', 'BadRequestException']);
    });
  });
});
