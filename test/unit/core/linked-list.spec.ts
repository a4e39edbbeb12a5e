import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinkedList, type Linked } from '../../../lib/core/linked-list.js';

interface Item extends Linked<Item> {
  readonly n: number;
}

const itemsOf = (count: number) =>
  Array.from({ length: count }, (_, n): Item => ({ n, previous: undefined, next: undefined }));

describe('LinkedList', () => {
  it('has what a set would have, in the same order, through any mix of comings and goings', () => {
    const steps = fc.array(fc.record({ adds: fc.boolean(), n: fc.nat({ max: 9 }) }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const items = itemsOf(10);
        const list = new LinkedList<Item>();
        const model = new Set<Item>();
        for (const { adds, n } of all) {
          const item = items[n] as Item;
          if (adds && !model.has(item)) list.add(item);
          if (adds) model.add(item);
          const [was, expected] = adds ? [] : [list.delete(item), model.delete(item)];
          expect(was).toBe(expected);
          expect([...list]).toEqual([...model]);
          expect(list.length).toBe(model.size);
          expect(items.map((one) => list.has(one))).toEqual(items.map((one) => model.has(one)));
        }
      }),
    );
  });

  it('can lose the item at hand while it is walked, and takes items anew once it was cleared', () => {
    const items = itemsOf(4);
    const list = new LinkedList<Item>();
    for (const item of items) list.add(item);
    const walked: number[] = [];
    for (const item of list) {
      walked.push(item.n);
      if (item.n % 2 === 0) list.delete(item);
    }
    expect(walked).toEqual([0, 1, 2, 3]);
    expect([...list].map(({ n }) => n)).toEqual([1, 3]);
    list.clear();
    expect(items.map((item) => list.has(item))).toEqual([false, false, false, false]);
    for (const item of items.toReversed()) list.add(item);
    expect([...list].map(({ n }) => n)).toEqual([3, 2, 1, 0]);
    expect(list.length).toBe(4);
  });
});
