import { describe, expect, it } from 'vitest';
import { deadlineIn, settledBefore, settledWithin, sleep, systemClock, type Clock } from '../../../lib/core/clock.js';
import { deferred } from '../../support/deferred.js';

describe('clock', () => {
  it('wakes a sleeper when its signal aborts', async () => {
    const controller = new AbortController();
    const sleeping = sleep(systemClock, 60_000, controller.signal);
    controller.abort();
    expect(await sleeping).toBeUndefined();
  });

  it('does not wait for what comes after the deadline', async () => {
    const deadline = deadlineIn(systemClock, 5);
    expect(await settledBefore(new Promise(() => {}), deadline)).toBe(false);
    expect(await settledBefore(new Promise(() => {}), deadline)).toBe(false);
  });

  it('tells that it was in time, and passes a rejection on', async () => {
    const deadline = deadlineIn(systemClock, 60_000);
    const { promise, resolve } = deferred();
    resolve();
    expect(await settledBefore(promise, deadline)).toBe(true);
    await expect(settledBefore(Promise.reject(new Error('no')), deadline)).rejects.toThrow('no');
    deadline.cancel();
  });

  it.each([
    ['in time', Promise.resolve(), true],
    ['never', new Promise<void>(() => {}), false],
  ])('tells whether a promise was settled within a while: %s', async (_, promise, expected) => {
    expect(await settledWithin(systemClock, promise, 5)).toBe(expected);
  });

  it('forgets the timer of what was settled within a while, and passes a rejection on', async () => {
    const timers = new Set<object>();
    const clock: Clock = {
      now: () => 0,
      after: () => {
        const timer = {};
        timers.add(timer);
        return () => timers.delete(timer);
      },
    };
    expect(await settledWithin(clock, Promise.resolve(), 60_000)).toBe(true);
    await expect(settledWithin(clock, Promise.reject(new Error('no')), 60_000)).rejects.toThrow('no');
    expect(timers.size).toBe(0);
  });
});
