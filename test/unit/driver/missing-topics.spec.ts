import { expect, it } from 'vitest';
import type { TopicAdmin, TopicDescription } from '../../../lib/driver/driver.js';
import { lookFor } from '../../../lib/driver/kafkajs/missing-topics.js';
import { FakeClock, settle } from '../../../lib/testing/fake-clock.js';
import { deferred } from '../../support/deferred.js';

const ORDERS: TopicDescription = { topic: 'orders', partitions: 1 };

/** A look whose questions are answered with these, one after the other. */
function looking(...answers: (() => Promise<readonly TopicDescription[]>)[]) {
  const [clock, end] = [new FakeClock(), new AbortController()];
  const asked: string[][] = [];
  const describe = (topics: readonly string[]) => {
    asked.push([...topics]);
    return (answers.shift() ?? (async () => []))();
  };
  const found = lookFor(['orders', 'payments'], { admin: { describe } as TopicAdmin, clock, end: end.signal });
  return { clock, end, asked, found };
}

it('looks every second until one is there, also when nobody answered', async () => {
  const { clock, asked, found } = looking(
    async () => [],
    () => Promise.reject(new Error('away')),
    async () => [ORDERS],
  );
  await clock.advance(3_000);
  expect(await found).toBe('orders');
  expect(asked).toEqual(Array.from({ length: 3 }, () => ['orders', 'payments']));
});

it('finds nothing any more when it ended while it asked', async () => {
  const answer = deferred<readonly TopicDescription[]>();
  const { clock, end, found } = looking(() => answer.promise);
  await clock.advance(1_000);
  end.abort();
  answer.resolve([ORDERS]);
  await settle();
  expect(await found).toBeUndefined();
});
