import { describe, expect, it } from 'vitest';
import { BufferBudget } from '../../../lib/dispatch/buffer-budget.js';

describe('the budget of buffered bytes', () => {
  it('is full at its bound', () => {
    const budget = new BufferBudget(100);
    budget.add(99);
    expect(budget.isFull).toBe(false);
    budget.add(1);
    expect(budget.isFull).toBe(true);
    budget.free(1);
    expect(budget.isFull).toBe(false);
  });

  it('tells each who waits, once, when half of it is free', () => {
    const told: string[] = [];
    const budget = new BufferBudget(100);
    budget.add(120);
    budget.onRoom(() => told.push('a'));
    budget.onRoom(() => told.push('b'));
    budget.free(69);
    expect(told).toEqual([]);
    budget.free(1);
    expect(told).toEqual(['a', 'b']);
    budget.free(10);
    expect(told).toEqual(['a', 'b']);
  });
});
