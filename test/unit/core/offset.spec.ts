import { describe, expect, it } from 'vitest';
import { compareOffsets, offsetAfter, offsetBefore } from '../../../lib/core/offset.js';

const LAST = '18446744073709551615';

describe('offsets', () => {
  it('are in order as numbers, part by part', () => {
    const counts = ['10', '9', '100', '0'];
    expect(counts.toSorted(compareOffsets)).toEqual(['0', '9', '10', '100']);
    const ids = ['17-10', '17-9', '9-11', `9-${LAST}`, '17-0'];
    expect(ids.toSorted(compareOffsets)).toEqual(['9-11', `9-${LAST}`, '17-0', '17-9', '17-10']);
    expect(compareOffsets('17', '17-0')).toBe(0);
  });

  it.each([
    ['0', '1'],
    ['9007199254740993', '9007199254740994'],
    ['17-0', '17-1'],
    [`17-${LAST}`, '18-0'],
  ])('%s is followed by %s', (before, after) => {
    expect(offsetAfter(before)).toBe(after);
    expect(offsetBefore(after)).toBe(before);
  });

  it('begin with one that has none before', () => {
    expect([offsetBefore('0'), offsetBefore('0-0')]).toEqual(['0', '0-0']);
  });
});
