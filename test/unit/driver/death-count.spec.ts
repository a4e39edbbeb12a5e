import { describe, expect, it } from 'vitest';
import { DeathCount } from '../../../lib/driver/kafka/death-count.js';

const IN_FLIGHT = 20;
const after = (metadata: string, owner: string) => new DeathCount(metadata, owner, IN_FLIGHT);

describe('the count of deaths', () => {
  it('begins with one for whoever is at it now, and an orderly end takes it back', () => {
    const count = after('', 'a1');
    expect(count.metadata).toBe('v1;n=1;o=-;p=a1;');
    expect(count.farewell).toBe('v1;n=0;o=-;');
    expect(count.isSuspicious).toBe(false);
  });

  it('is suspicious after a death, and trusts a successor of an orderly end', () => {
    const first = after('', 'a1');
    expect(first.isSuspicious).toBe(false);
    expect(after(first.metadata, 'b2').isSuspicious).toBe(true);
    expect(after(first.farewell, 'b2').isSuspicious).toBe(false);
  });

  it('is suspicious on, when who looks for the cause is ended in order', () => {
    const second = after(after('', 'a1').metadata, 'b2');
    second.start(57);
    const third = after(second.farewell, 'c3');
    expect(third.isSuspicious).toBe(true);
    expect(third.start(57)).toBe(1);
  });

  it('does not count a partition that a process lost while it lived: it comes back', () => {
    const before = after('', 'a1');
    expect(after(before.metadata, 'a1').metadata).toBe(before.metadata);
    let metadata = '';
    for (const owner of ['a1', 'b2', 'a1', 'b2', 'a1']) metadata = after(metadata, owner).metadata;
    expect(metadata).toBe('v1;n=2;o=-;p=b2,a1;');
  });

  it('counts the deaths at one message, and starts anew at another', () => {
    let metadata = 'v1;n=1;o=-;p=a0;';
    const delivered: number[] = [];
    for (const owner of ['a1', 'a2', 'a3', 'a4']) {
      const count = after(metadata, owner);
      delivered.push(count.start(57));
      metadata = count.metadata;
    }
    expect(delivered).toEqual([1, 2, 3, 4]);
    const next = after(metadata, 'a6');
    expect(next.start(58)).toBe(1);
    expect(next.metadata).toBe('v1;n=2;o=58;p=a4,a6;');
  });

  it('reads what a client cut the last byte off, or added one to', () => {
    expect(after('v1;n=3;o=57;p=a1', 'b2').start(57)).toBe(3);
    expect(after('v1;n=3;o=57;p=a1;\0', 'b2').start(57)).toBe(3);
    expect(after('v1;n=3;o=57;', 'b2').start(57)).toBe(3);
  });

  it('takes what others wrote there for nothing', () => {
    for (const metadata of ['', 'x', 'v2;n=9;o=-;', '{"n":7}'])
      expect(after(metadata, 'a1').metadata).toBe('v1;n=1;o=-;p=a1;');
  });

  it('ends its quarantine after as many messages as could be in flight', () => {
    const count = after('v1;n=1;o=-;p=a1;', 'b2');
    for (let offset = 0; offset < IN_FLIGHT; offset++) {
      expect(count.isSuspicious).toBe(true);
      count.start(offset);
      count.survived();
    }
    expect(count.isSuspicious).toBe(false);
    expect(count.metadata).toBe('v1;n=1;o=-;p=b2;');
    expect(after(count.farewell, 'c3').isSuspicious).toBe(false);
  });
});
