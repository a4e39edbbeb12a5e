import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../../lib/core/fifo.js';

describe('Fifo', () => {
  it('gives items back in the order they came, through any mix of pushes and shifts', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 5_000 }), (pushes) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        pushes.forEach((isPush, n) => {
          for (const queue of isPush ? [fifo, model] : []) queue.push(n);
          const [taken, expected] = isPush ? [] : [fifo.shift(), model.shift()];
          expect(taken).toBe(expected);
          expect(fifo.length).toBe(model.length);
          expect(fifo.peek()).toBe(model[0]);
        });
        expect([...fifo]).toEqual(model);
      }),
      { numRuns: 30 },
    );
  });

  it.each([10, 5_000])('is as good as new when it was cleared, and when it ran empty: %i items', (count) => {
    const fifo = new Fifo<number>();
    const fill = () => {
      for (let n = 0; n < count; n++) fifo.push(n);
    };
    fill();
    fifo.shift();
    fifo.clear();
    expect([fifo.length, fifo.peek(), fifo.shift(), [...fifo]]).toEqual([0, undefined, undefined, []]);
    fill();
    const all = Array.from({ length: count }, (_, n) => n);
    expect([...fifo]).toEqual(all);
    expect(fifo.shiftMany(count)).toEqual(all);
    expect([fifo.length, fifo.peek(), fifo.shift(), [...fifo]]).toEqual([0, undefined, undefined, []]);
    fill();
    expect(fifo.shiftMany(count + 1)).toEqual(all);
  });

  it('gives at most as many as asked for', () => {
    const fifo = new Fifo<number>();
    for (const n of [1, 2, 3]) fifo.push(n);
    expect([fifo.shiftMany(2), fifo.shiftMany(2), fifo.shiftMany(2)]).toEqual([[1, 2], [3], []]);
  });
});
