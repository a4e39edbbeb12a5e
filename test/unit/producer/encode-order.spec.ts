import { describe, expect, it } from 'vitest';
import { deferred } from '../../../lib/core/deferred.js';
import { EncodeOrder } from '../../../lib/producer/encode-order.js';

describe('the order of sends while they are encoded', () => {
  it('is that of the calls, whichever is encoded first, and for each topic by itself', async () => {
    const order = new EncodeOrder();
    const [slow, failing] = [deferred<string>(), deferred<string>()];
    const done: string[] = [];
    const note = async (topic: string, encoded: string | Promise<string>) => {
      try {
        done.push(await order.next(topic, encoded));
      } catch (error) {
        done.push((error as Error).message);
      }
    };
    const all = [
      note('a', slow.promise),
      note('a', failing.promise),
      note('a', 'at once'),
      note('a', Promise.resolve('soon')),
      note('b', 'another topic'),
    ];
    failing.reject(new Error('failed'));
    await new Promise(setImmediate);
    expect(done).toEqual(['another topic']);
    slow.resolve('slow');
    await Promise.all(all);
    expect(done).toEqual(['another topic', 'slow', 'failed', 'at once', 'soon']);
  });

  it('is not asked of anything that is encoded at once with nothing before it', async () => {
    const order = new EncodeOrder();
    expect(order.next('a', 'x')).toBe('x');
    await order.next('a', Promise.resolve('y'));
    await new Promise(setImmediate);
    expect(order.next('a', 'z')).toBe('z');
  });
});
