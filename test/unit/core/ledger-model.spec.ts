import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../lib/core/ledger.js';

/** What a ledger is, without anything that makes it fast. */
class SlowLedger {
  private readonly open = new Map<number, boolean>();

  constructor(private next: number) {}

  get position(): number {
    return Math.min(...[...this.open].filter(([, finished]) => !finished).map(([offset]) => offset), this.next);
  }

  get unfinished(): number {
    return [...this.open.values()].filter((finished) => !finished).length;
  }

  receive(offset: number): void {
    this.open.set(offset, false);
    this.next = offset + 1;
  }

  advanceTo(next: number): void {
    this.next = Math.max(next, this.next);
  }

  finish(offset: number): boolean {
    if (this.open.get(offset) !== false) return false;
    this.open.set(offset, true);
    return true;
  }
}

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('receive' as const), gap: fc.integer({ min: 0, max: 3 }) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('finish' as const), at: fc.integer({ min: -2, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: -3, max: 5 }) }) },
  ),
  { maxLength: 200, size: 'max' },
);

describe('a ledger', () => {
  it('is what it would be if it looked at everything each time', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 1_000 }), (script, start) => {
        const [ledger, slow] = [new Ledger(start), new SlowLedger(start)];
        const answers: boolean[] = [];
        let next = start;
        for (const step of script) {
          if (step.kind === 'receive') {
            next += step.gap;
            ledger.receive(next);
            slow.receive(next);
            next++;
          } else if (step.kind === 'advance') {
            ledger.advanceTo(next + step.by);
            slow.advanceTo(next + step.by);
            next = Math.max(next, next + step.by);
          } else {
            const offset = slow.position + step.at;
            answers.push(ledger.finish(offset) === slow.finish(offset));
          }
          answers.push(ledger.position === slow.position, ledger.unfinished === slow.unfinished);
          answers.push(ledger.span === next - slow.position);
        }
        expect(answers).not.toContain(false);
      }),
      { numRuns: 300 },
    );
  });

  it('forgets what is finished, and stays right, over a long life', () => {
    const ledger = new Ledger(0);
    for (let offset = 0; offset < 20_000; offset++) {
      ledger.receive(offset);
      if (offset >= 50) ledger.finish(offset - 50);
    }
    expect([ledger.position, ledger.unfinished]).toEqual([19_950, 50]);
    expect(ledger.finish(10)).toBe(false);
    const kept = (ledger as unknown as { readonly offsets: readonly number[] }).offsets.length;
    expect(kept).toBeLessThan(2_200);
  });
});
