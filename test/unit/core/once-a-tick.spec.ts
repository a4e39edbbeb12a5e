import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { onceATick } from '../../../lib/core/once-a-tick.js';

describe('once a tick', () => {
  it('does the work once for all calls of a turn, behind them, and again in the next', async () => {
    let count = 0;
    const soon = onceATick(() => count++);
    soon();
    soon();
    await Promise.resolve().then(soon);
    expect(count).toBe(0);
    await nextTurn();
    expect(count).toBe(1);
    soon();
    await nextTurn();
    expect(count).toBe(2);
  });

  it('hears a call from inside the work', async () => {
    let count = 0;
    const soon = onceATick(() => {
      if (++count < 3) soon();
    });
    soon();
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    expect(count).toBe(3);
  });
});
