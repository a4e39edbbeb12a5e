import { describe, expect, it } from 'vitest';
import { MessageIds } from '../../../lib/driver/redis/message-ids.js';

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('message ids', () => {
  it('are UUIDs of version 7 that begin with the time', () => {
    const id = new MessageIds().next(1_700_000_000_123);
    expect(id).toMatch(UUID_7);
    expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(1_700_000_000_123);
  });

  it('sort as they are made within a millisecond, and are never twice the same', () => {
    const ids = new MessageIds();
    const made = Array.from({ length: 10_000 }, () => ids.next(1_700_000_000_123));
    expect(made.slice(0, 4_096).toSorted()).toEqual(made.slice(0, 4_096));
    expect(new Set(made).size).toBe(10_000);
    for (const id of made) expect(id).toMatch(UUID_7);
  });

  it('are never twice the same when the clock goes back', () => {
    const ids = new MessageIds();
    const times = [5, 4, 5, 4, 5];
    expect(new Set(times.map((time) => ids.next(time))).size).toBe(5);
  });

  it('are those of one process only', () => {
    expect(new MessageIds().next(7)).not.toBe(new MessageIds().next(7));
  });
});
