import { describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../../lib/core/errors.js';
import { OffsetResetError } from '../../../lib/core/offset-reset.error.js';
import type { OffsetReset, SubscribeRequest } from '../../../lib/driver/driver.js';
import { boundsFrom, startPositions } from '../../../lib/driver/kafka/start-positions.js';

const at = (partition: number, offset: number) => ({ topic: 'orders', partition, offset: String(offset) });
const request = (autoOffsetReset: OffsetReset) =>
  ({ groupId: 'g', topics: [{ topic: 'orders', autoOffsetReset }] }) as unknown as SubscribeRequest;
const start = (committed: number, reset: OffsetReset, ends = [at(0, 100)]) =>
  startPositions(request(reset), [at(0, committed)], boundsFrom([at(0, 10)], ends))[0]?.offset;

describe('where reading begins', () => {
  it.each<[number, OffsetReset, string]>([
    [50, 'earliest', '50'],
    [10, 'latest', '10'],
    [100, 'earliest', '100'],
    [-1, 'earliest', '10'],
    [-1, 'latest', '100'],
    [9, 'earliest', '10'],
    [9, 'latest', '100'],
    [101, 'earliest', '10'],
    [101, 'latest', '100'],
  ])('of a group at %i, with %s, is %s in a log of 10 to 100', (committed, reset, expected) => {
    expect(start(committed, reset)).toBe(expected);
  });

  it.each([-1, 9, 101])('of a group at %i is nowhere with none', (committed) => {
    expect(() => start(committed, 'none')).toThrow(OffsetResetError);
  });

  it('is not known while the end of the log is not: the position may be within it', () => {
    expect(() => start(50, 'earliest', [])).toThrow(BrokerUnavailableError);
  });
});
