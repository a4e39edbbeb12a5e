import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  AuthorizationError,
  Consumer,
  getProducerToken,
  type MessageContext,
  MessagingModule,
  ProducerService,
  Worker,
} from '../../../lib/index.js';
import { toMs } from '../../../lib/testing/duration.js';
import { createTestMessaging, type Duration } from '../../../lib/testing/index.js';
import { deferred } from '../../support/deferred.js';
import { LogRecorder } from '../../support/test-app.js';

@Injectable()
class Payments {
  @Worker({ topic: 'orders', outputTopic: 'payments', groupId: 'payments' })
  async pay(order: { id: number; amount: number }) {
    return { orderId: order.id, amount: order.amount };
  }
}

@Module({ imports: [MessagingModule.forRoot({ kafka: { bootstrapServers: 'nowhere:9092' } })], providers: [Payments] })
class AppModule {}

describe('createTestMessaging', () => {
  it('runs an app that is made for Kafka without any broker', async () => {
    const messaging = await createTestMessaging(Test.createTestingModule({ imports: [AppModule] }));
    await messaging.deliver('orders', { id: 1, amount: 42 }, { key: 'customer-7' });
    await messaging.idle();
    expect(messaging.sent('payments')).toMatchObject([{ key: 'customer-7', message: { orderId: 1, amount: 42 } }]);
    expect(messaging.sent('orders')).toEqual([]);
    await messaging.close();
  });

  it('lists what the app sent over each connection apart', async () => {
    const root = MessagingModule.forRoot({ broker: 'kafka', connections: { eu: { kind: 'kafka' } }, groupId: 'g' });
    @Injectable()
    class Bridge {
      @Consumer({ topic: 'events', broker: 'eu' })
      async onEvent() {}
    }
    const messaging = await createTestMessaging(Test.createTestingModule({ imports: [root], providers: [Bridge] }));
    await messaging.app.get(ProducerService).send({ topic: 'events', message: 'over kafka' });
    await messaging.deliver('events', 'over eu', { broker: 'eu' });
    await messaging.idle();
    expect(messaging.sent('events').map(({ message }) => message)).toEqual(['over kafka']);
    expect(messaging.sent('events', 'eu')).toEqual([]);
    await messaging.close();
  });

  it('waits until a chain of handlers has come to its end', async () => {
    @Injectable()
    class Chain {
      @Worker({ topic: 'step-0', outputTopic: 'step-1' })
      async first(n: number) {
        return n + 1;
      }
      @Worker({ topic: 'step-1', outputTopic: 'step-2' })
      async second(n: number) {
        await new Promise(setImmediate);
        return n + 1;
      }
    }
    const root = MessagingModule.forRoot({ groupId: 'g' });
    const messaging = await createTestMessaging(Test.createTestingModule({ imports: [root], providers: [Chain] }));
    for (let n = 0; n < 50; n++) await messaging.deliver('step-0', n);
    await messaging.idle();
    expect(messaging.sent('step-2')).toHaveLength(50);
    await messaging.close();
  });

  it('says what is left when it does not become idle', async () => {
    const { promise, resolve } = deferred();
    @Injectable()
    class Stuck {
      @Consumer({ topic: 'orders' })
      onOrder() {
        return promise;
      }
    }
    const root = MessagingModule.forRoot({ groupId: 'billing' });
    const messaging = await createTestMessaging(Test.createTestingModule({ imports: [root], providers: [Stuck] }));
    await messaging.deliver('orders', 1);
    await messaging.deliver('orders', 2);
    await expect(messaging.idle(50)).rejects.toThrow('Not idle after 50 ms: group billing has 2 messages of orders.');
    resolve();
    await messaging.close();
  });

  describe('with a handler that fails at first', () => {
    let attempts: number[];
    const start = async (failures: number) => {
      attempts = [];
      @Injectable()
      class Billing {
        @Worker({ topic: 'orders', outputTopic: 'bills' })
        async bill(_order: unknown, { attempt }: MessageContext) {
          attempts.push(attempt);
          if (attempt <= failures) throw new Error('not yet');
          return 'billed';
        }
      }
      const root = MessagingModule.forRoot({ groupId: 'billing', broker: 'memory' });
      const builder = Test.createTestingModule({ imports: [root], providers: [Billing] }).setLogger(new LogRecorder());
      return createTestMessaging(builder);
    };

    it('lets no time pass by itself, and as much as is asked for at once', async () => {
      const messaging = await start(2);
      await messaging.deliver('orders', 1);
      await messaging.idle();
      expect(attempts).toEqual([1]);
      await messaging.advance('1s');
      expect(attempts).toEqual([1]);
      await messaging.advance('10m');
      expect(attempts).toEqual([1, 2, 3]);
      expect(messaging.sent('bills')).toHaveLength(1);
      await messaging.close();
    });

    it('lists what was given up', async () => {
      const messaging = await start(Infinity);
      await messaging.deliver('orders', { id: 1 }, { key: 'k' });
      await messaging.advance('1m');
      expect(messaging.deadLetters('orders')).toMatchObject([{ topic: 'orders-dlq', key: 'k', message: { id: 1 } }]);
      expect(messaging.deadLetters('bills')).toEqual([]);
      await messaging.close();
    });

    it('makes sends and settlements fail as a broker would', async () => {
      const messaging = await start(0);
      messaging.failNext('send', new Error('gone'));
      await expect(messaging.app.get(ProducerService).send({ topic: 'other', message: 1 })).rejects.toThrow('gone');
      messaging.failNext('settle', new Error('gone'));
      await messaging.deliver('orders', 1);
      await messaging.idle();
      expect(messaging.sent('bills')).toEqual([]);
      await messaging.advance('1s');
      expect(messaging.sent('bills')).toHaveLength(1);
      messaging.failNext('settle', new AuthorizationError('forbidden'));
      await messaging.deliver('orders', 2);
      await messaging.idle();
      expect(messaging.deadLetters('orders')[0]?.headers.get('x-error-message')).toBe('forbidden');
      await messaging.close();
    });

    it('makes connections fail that are opened later, which are tried again', async () => {
      const root = MessagingModule.forRoot({ groupId: 'g', broker: 'memory', connections: { eu: { kind: 'kafka' } } });
      const builder = Test.createTestingModule({ imports: [root] }).setLogger(new LogRecorder());
      const messaging = await createTestMessaging(builder);
      messaging.failNext('connect', new Error('away'), 'eu');
      const sending = messaging.app.get<ProducerService>(getProducerToken('eu')).send({ topic: 't', message: 1 });
      await messaging.idle();
      expect(messaging.sent('t', 'eu')).toEqual([]);
      await messaging.advance('1s');
      await sending;
      expect(messaging.sent('t', 'eu')).toHaveLength(1);
      await messaging.close();
    });

    it('rebalances: what waits comes again from its first attempt', async () => {
      const messaging = await start(1);
      await messaging.deliver('orders', 1);
      await messaging.idle();
      await messaging.rebalance();
      expect(attempts).toEqual([1, 1]);
      await messaging.advance('2s');
      expect(attempts).toEqual([1, 1, 2]);
      await messaging.close();
    });
  });

  it.each<[Duration, number]>([
    [250, 250],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('takes %s for a duration', (duration, ms) => {
    expect(toMs(duration)).toBe(ms);
  });

  it.each(['10', 'soon', '-5s', -5, Number.NaN])('does not take %s for a duration', (duration) => {
    expect(() => toMs(duration as Duration)).toThrow(
      "Expected a duration like '500ms', '30s', '10m', '2h' or '1d', got",
    );
  });
});
