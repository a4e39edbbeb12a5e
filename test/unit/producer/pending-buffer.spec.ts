import { describe, expect, it } from 'vitest';
import { PendingBuffer } from '../../../lib/producer/pending-buffer.js';
import { settle } from '../../../lib/testing/fake-clock.js';

describe('PendingBuffer', () => {
  it('takes as many messages and bytes as it may', () => {
    const buffer = new PendingBuffer(2, 100);
    expect([buffer.tryEnter(1, 60), buffer.tryEnter(1, 60), buffer.tryEnter(1, 40), buffer.tryEnter(1, 0)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    buffer.leave(1, 60);
    expect(buffer).toMatchObject({ messages: 1, bytes: 40 });
  });

  it('takes a batch larger than the whole when it is empty', () => {
    const buffer = new PendingBuffer(2, 100);
    expect(buffer.tryEnter(50, 9_999)).toBe(true);
    expect(buffer.tryEnter(1, 1)).toBe(false);
  });

  it('lets those who wait enter in their order, and nobody past them', async () => {
    const buffer = new PendingBuffer(2, 100);
    buffer.tryEnter(2, 10);
    const order: string[] = [];
    void buffer.enter(2, 10).then(() => order.push('first'));
    void buffer.enter(1, 10).then(() => order.push('second'));
    buffer.leave(1, 5);
    expect(buffer.tryEnter(1, 1)).toBe(false);
    await settle();
    expect(order).toEqual([]);
    buffer.leave(1, 5);
    await settle();
    expect(order).toEqual(['first']);
    buffer.leave(2, 10);
    await settle();
    expect(order).toEqual(['first', 'second']);
    expect(buffer).toMatchObject({ messages: 1, bytes: 10 });
  });
});
