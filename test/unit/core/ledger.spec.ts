import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../lib/core/ledger.js';

function ledgerOf(start: number, ...offsets: number[]): Ledger {
  const ledger = new Ledger(start);
  for (const offset of offsets) ledger.receive(offset);
  return ledger;
}

describe('Ledger', () => {
  it('stands at its start while nothing was received', () => {
    expect(ledgerOf(7).position).toBe(7);
  });

  it('never passes an unfinished message', () => {
    const ledger = ledgerOf(0, 0, 1, 2, 3);
    ledger.finish(1);
    ledger.finish(3);
    expect(ledger.position).toBe(0);
    ledger.finish(0);
    expect(ledger.position).toBe(2);
    ledger.finish(2);
    expect(ledger.position).toBe(4);
  });

  it('steps over offsets that were never received', () => {
    const ledger = ledgerOf(0, 3, 10, 11);
    expect(ledger.position).toBe(3);
    ledger.finish(3);
    expect(ledger.position).toBe(10);
  });

  it('goes past control records once everything before them is finished', () => {
    const ledger = ledgerOf(0, 0, 1);
    ledger.advanceTo(5);
    ledger.finish(0);
    expect(ledger.position).toBe(1);
    ledger.finish(1);
    expect(ledger.position).toBe(5);
  });

  it('refuses offsets that are not open', () => {
    const ledger = ledgerOf(0, 4, 5);
    expect([ledger.finish(3), ledger.finish(4), ledger.finish(4), ledger.finish(6)]).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  it('tells the first unfinished offsets that pass, and where it stands when they are finished', () => {
    const ledger = ledgerOf(0, 0, 1, 2, 5, 6);
    ledger.finish(0);
    ledger.finish(2);
    const upTo = (last: number) => ledger.run((offset) => offset <= last);
    expect(upTo(5)).toEqual({ offsets: [1, 5], position: 6 });
    expect(upTo(1)).toEqual({ offsets: [1], position: 5 });
    expect(upTo(0)).toEqual({ offsets: [], position: 1 });
    expect(upTo(6)).toEqual({ offsets: [1, 5, 6], position: 7 });
    ledger.advanceTo(9);
    expect(upTo(9)).toEqual({ offsets: [1, 5, 6], position: 9 });
    ledger.finish(5);
    expect(upTo(9)).toEqual({ offsets: [1, 6], position: 9 });
  });

  it('stands at the first unfinished offset after any order of finishing, however long the log', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3_000 });
    fc.assert(
      fc.property(gaps, fc.infiniteStream(fc.nat()), (steps, picks) => {
        const offsets = steps.map((_, index) => steps.slice(0, index + 1).reduce((sum, step) => sum + step, 0));
        const ledger = ledgerOf(0, ...offsets);
        const open = [...offsets];
        while (open.length > 0) {
          const index = (picks.next().value as number) % Math.min(open.length, 20);
          expect(ledger.finish(open.splice(index, 1)[0] as number)).toBe(true);
          expect(ledger.position).toBe(open[0] ?? (offsets.at(-1) as number) + 1);
          expect(ledger.unfinished).toBe(open.length);
        }
      }),
      { numRuns: 20 },
    );
  });
});
