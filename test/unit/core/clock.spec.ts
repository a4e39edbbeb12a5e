import { describe, expect, it } from 'vitest';
import { deadlineIn, settledBefore, sleep, systemClock } from '../../../lib/core/clock.js';
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
});
